// connectors/rabbitmq/content_header.hpp
//
// The header of a message: how long its body is, and its properties. Anybody who may publish writes the properties, so
// they are read here with bounds: tables inside tables go `kAmqpNestingMax` deep.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

inline constexpr int kAmqpNestingMax = 16;

struct AmqpProperties {
  std::string content_type;
  std::string content_encoding;
  std::string correlation_id;
  std::string reply_to;
  std::string expiration;
  std::string message_id;
  std::optional<Time> timestamp;
  std::string type;
  std::string user_id;
  std::string app_id;
  /// Texts as they are, numbers and truth values as text, tables and lists as JSON; none: null.
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::size_t headers_count = 0;  // `headers` has the first of them
};

struct AmqpContentHeader {
  std::uint64_t body_bytes = 0;
  /// Errors: `kInvalidArgument`: they cannot be read. The message goes on behind them all the same.
  Result<AmqpProperties> properties = AmqpProperties{};
};

/// Of a frame's payload; at most `headers_max` headers are kept. Errors: `kCorrupt`.
[[nodiscard]] Result<AmqpContentHeader> read_amqp_content_header(std::string_view payload, std::size_t headers_max);

}  // namespace mnema
