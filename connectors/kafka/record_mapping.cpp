#include "connectors/kafka/record_mapping.hpp"

#include <algorithm>

#include "connectors/cloud_event.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

void add_place(const KafkaRecord& record, std::int64_t epoch, const MessageMapping& mapping, Event& event) {
  const std::string partition = std::to_string(record.partition);
  event.source = mapping.source + "/" + std::string(record.topic) + "/" + partition;
  event.id = std::to_string(epoch) + "-" + std::to_string(record.offset);
  event.time = record.time;
  event.tenant = mapping.tenant;
  event.agent = mapping.agent;
  event.attributes["kafka_topic"] = record.topic;
  event.attributes["kafka_partition"] = partition;
  event.attributes["kafka_offset"] = std::to_string(record.offset);
  event.attributes["kafka_epoch"] = std::to_string(epoch);
}

/// The value as JSON, by the schema that it names.
Result<std::string> decoded(const KafkaRecord& record, const KafkaMapping& mapping, const Limits& limits,
                            const RegisteredSchemas& schemas, SchemaVersions& versions, Event& event) {
  const std::optional<SchemaId> id = schema_id_of(*record.value);
  if (!id) {
    return fail(ErrorCode::kInvalidArgument,
                "the record's value was not written with a schema registry: it does not begin with a zero byte and the "
                "id of a schema",
                "check the producer's serializer, or the source's format");
  }
  const auto found = schemas.find(*id);
  CHECK(found != schemas.end(), "the schemas of a batch are found before it is mapped");
  if (!found->second.ok()) return found->second.error();
  const RegisteredSchema& schema = **found->second;
  if (schema.kind() != *mapping.schema_kind) {
    return fail(ErrorCode::kInvalidArgument, "schema " + std::to_string(*id) + " is of " +
                                                 std::string(name_of(schema.kind())) + ", and the source's format is " +
                                                 std::string(name_of(*mapping.schema_kind)));
  }
  ASSIGN_OR_RETURN(std::string json, schema.decode(record.value->substr(kSchemaIdBytes), limits));
  event.attributes["schema_id"] = std::to_string(*id);
  versions.note(record.topic, *id, schema);
  return json;
}

}  // namespace

Result<Event> event_of(const KafkaRecord& raw, std::int64_t epoch, const KafkaMapping& mapping, const Limits& limits,
                       const RegisteredSchemas* schemas, SchemaVersions* versions) {
  Event event;
  std::string json;
  KafkaRecord shown;  // with that as its value
  // One that is too large is refused below, undecoded.
  const bool is_registered = mapping.schema_kind && raw.value &&
                             static_cast<std::int64_t>(raw.value->size()) <= limits.event_bytes_max &&
                             cloud_event_mode(raw) != CloudEventMode::kStructured;
  if (is_registered) {
    CHECK(schemas != nullptr && versions != nullptr, "a source of registered schemas has a registry");
    ASSIGN_OR_RETURN(json, decoded(raw, mapping, limits, *schemas, *versions, event));
    shown = raw;
    shown.value = json;
    // It is of the registry's format no more.
    std::erase_if(shown.headers, [](const auto& header) { return header.first == "content-type"; });
  }
  const KafkaRecord& record = is_registered ? shown : raw;
  add_place(record, epoch, mapping, event);
  event.type = record.topic;
  event.attributes["kafka_key"] = attribute_text(record.key.value_or(""));
  // Without the partition: the same CloudEvent may be sent again to another one.
  RETURN_IF_ERROR(map_message(record, mapping, mapping.source + "/" + std::string(record.topic), limits, event));
  if (!record.value) event.attributes["kafka_tombstone"] = "true";
  return event;
}

Event undecodable_event_of(const KafkaRecord& record, std::int64_t epoch, const MessageMapping& mapping,
                           const Limits& limits) {
  Event event;
  add_place(record, epoch, mapping, event);
  event.type = "kafka.undecodable";
  keep_attribute("kafka_key", record.key.value_or(""), limits, event);
  const bool is_cut = keep_undecodable(record, limits, event);
  if (is_cut) event.attributes["kafka_value_bytes"] = std::to_string(record.value.value_or("").size());
  return event;
}

}  // namespace mnema
