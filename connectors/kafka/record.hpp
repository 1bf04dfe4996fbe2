// connectors/kafka/record.hpp
//
// A record as Kafka has it.
//
// Threads:   plain value.
// Ownership: borrows the bytes of its message.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/handles.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {

struct KafkaRecord {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  Time time{};  // by the producer or the broker, as the topic is configured
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;                                              // none: a tombstone
  std::vector<std::pair<std::string_view, std::optional<std::string_view>>> headers;  // a name may come twice
  std::size_t headers_count = 0;  // of the message; `headers` has the first of them
};

/// At most `headers_max` headers are read.
[[nodiscard]] KafkaRecord record_of(const rd_kafka_message_t& message, std::size_t headers_max);

/// By which a record is known again: the same topic has the same bytes and time at its offset. Never 0.
[[nodiscard]] std::int64_t digest_of(const KafkaRecord& record);

}  // namespace mnema
