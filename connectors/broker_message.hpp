// connectors/broker_message.hpp
//
// What the records and messages of all brokers have in common: bytes, headers, and how CloudEvents are marked.
//
// Threads:   plain value.
// Ownership: borrows the bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace mnema {

struct BrokerMessage {
  std::string_view noun;                                   // "record", "message": what errors call it
  std::span<const std::string_view> cloud_event_prefixes;  // of the headers that are a CloudEvent's attributes
  std::string_view own_prefix;         // of attributes that the source vouches for: no header becomes one
  std::string_view content_type = {};  // "" = that of the header, if there is one
  bool has_id = false;                 // by its broker's own means: no template is asked for one
  std::optional<std::string_view> value;
  std::size_t value_bytes = 0;  // where `value` is only its beginning
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;  // a name may come twice
  std::size_t headers_count = 0;                                                      // `headers` has the first of them
};

/// Whether `attribute` is of those that its source vouches for.
[[nodiscard]] bool is_own_attribute(const BrokerMessage& message, std::string_view attribute);

/// The header's value, of several the last; none: there is none, or it is null.
[[nodiscard]] std::optional<std::string_view> header_of(const BrokerMessage& message, std::string_view name);

/// "" = it says none.
[[nodiscard]] std::string_view content_type_of(const BrokerMessage& message);

}  // namespace mnema
