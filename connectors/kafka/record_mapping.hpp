// connectors/kafka/record_mapping.hpp
//
// How a record becomes an event (connectors/message_mapping.hpp). Without templates the id is EPOCH-OFFSET, the type
// the topic's name.
//
// Every event has the attributes kafka_topic, kafka_partition, kafka_offset, kafka_epoch and kafka_key (empty without a
// key). A tombstone is the payload `null` with kafka_tombstone = true. CloudEvents have headers ce_*.
//
// With a schema registry, the value (of a binary CloudEvent, too) becomes the JSON that its schema says, and the event
// has the attribute schema_id.
//
// Threads: pure functions.
#pragma once

#include <cstdint>

#include "connectors/kafka/record.hpp"
#include "connectors/message_mapping.hpp"
#include "connectors/schema_registry/registry.hpp"
#include "connectors/schema_registry/versions.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

struct KafkaMapping : MessageMapping {
  std::optional<SchemaKind> schema_kind;  // the values were written with a schema of a registry
};

/// `schemas`: with a registry, those that the record may name; `versions` is told of the one. Else null. Errors: those
/// of `map_message`, and of its schema; `kInvalidArgument` (not of its schema).
[[nodiscard]] Result<Event> event_of(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping,
                                     const Limits& limits, const RegisteredSchemas* schemas = nullptr,
                                     SchemaVersions* versions = nullptr);

/// What stands for a record that is no event, as a dead letter: its raw bytes as far as `limits.event_bytes_max` goes,
/// and where it is to be found.
[[nodiscard]] Event undecodable_event_of(const KafkaRecord& record, std::int64_t epoch, const MessageMapping& mapping,
                                         const Limits& limits);

}  // namespace mnema
