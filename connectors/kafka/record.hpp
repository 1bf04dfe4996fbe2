// connectors/kafka/record.hpp
//
// A record as Kafka has it.
//
// Threads:   plain value.
// Ownership: borrows the bytes of what it was fetched with (member.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "connectors/broker_message.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {

struct KafkaRecord : BrokerMessage {  // a `value` of none is a tombstone
  KafkaRecord();
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  Time time{};  // by the producer or the broker, as the topic is configured
  std::optional<std::string_view> key;
};

/// By which a record is known again: the same topic has the same bytes and time at its offset. Never 0.
[[nodiscard]] std::int64_t digest_of(const KafkaRecord& record);

}  // namespace mnema
