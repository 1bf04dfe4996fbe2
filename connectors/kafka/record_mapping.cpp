#include "connectors/kafka/record_mapping.hpp"

#include <utility>

#include "connectors/base64.hpp"
#include "connectors/kafka/cloud_event.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

/// Attributes of a dead letter may not be longer; an event's may, up to event_bytes_max.
constexpr std::size_t kDeadAttributeBytesMax = 1024;

std::string text_of(std::string_view bytes) {
  return is_valid_utf8(bytes) ? std::string(bytes) : "base64:" + base64_encode(bytes);
}

void add_place(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping, Event& event) {
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

Result<std::string> rendered(const std::string& pattern, const char* what, const Event& event) {
  Result<std::string> text = render_key(pattern, event);
  if (text.ok() && !text->empty()) return text;
  if (text.ok()) return fail(ErrorCode::kInvalidArgument, std::string("the event's ") + what + " is empty");
  return fail(ErrorCode::kInvalidArgument,
              std::string("the event's ") + what + " cannot be made: " + text.error().message,
              std::string("check the source's ") + what + " against the record");
}

Status check_size(const KafkaRecord& record, const Limits& limits) {
  if (record.headers_count > kKafkaHeadersMax) {
    return fail(ErrorCode::kInvalidArgument, "the record has " + std::to_string(record.headers_count) + " headers",
                "at most " + std::to_string(kKafkaHeadersMax) + " are taken");
  }
  const std::size_t bytes = record.value.value_or("").size();
  if (static_cast<std::int64_t>(bytes) <= limits.event_bytes_max) return {};
  return fail(ErrorCode::kInvalidArgument, "the record's value has " + std::to_string(bytes) + " bytes",
              "at most " + std::to_string(limits.event_bytes_max) + " are taken (event_bytes_max)");
}

/// Its payload as the format says.
Status read_payload(const KafkaRecord& record, const KafkaMapping& mapping, const Limits& limits, Event& event) {
  if (!record.value) {
    event.attributes["kafka_tombstone"] = "true";
    event.data = "null";
    return {};
  }
  if (mapping.format == KafkaMapping::Format::kBytes) {
    event.content_type = header_of(record, "content-type").value_or("application/octet-stream");
    event.data = *record.value;
    return {};
  }
  const JsonBounds bounds{limits.event_bytes_max, limits.json_depth_max};
  const Result<boost::json::value> parsed = parse_bounded_json(*record.value, "the record's value", bounds);
  if (!parsed.ok()) return parsed.error();
  event.data = *record.value;
  return {};
}

}  // namespace

Result<Event> event_of(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping,
                       const Limits& limits) {
  RETURN_IF_ERROR(check_size(record, limits));
  Event event;
  add_place(record, epoch, mapping, event);
  event.attributes["kafka_key"] = text_of(record.key.value_or(""));
  const CloudEventMode mode = cloud_event_mode(record);
  for (const auto& [name, value] : record.headers) {
    if (!is_valid_utf8(name)) return fail(ErrorCode::kInvalidArgument, "the name of a header is not UTF-8");
    if (mode == CloudEventMode::kBinary && name.starts_with("ce_")) continue;
    event.attributes[std::string(name)] = text_of(value.value_or(""));
  }
  if (const auto parent = header_of(record, "traceparent")) event.traceparent = to_utf8(*parent);
  if (mode != CloudEventMode::kNone) {
    RETURN_IF_ERROR(read_cloud_event(record, mode, limits, event));
  } else {
    event.type = record.topic;
    RETURN_IF_ERROR(read_payload(record, mapping, limits, event));
    if (!mapping.id.empty()) {
      ASSIGN_OR_RETURN(event.id, rendered(mapping.id, "id", event));
    }
    if (!mapping.type.empty()) {
      ASSIGN_OR_RETURN(event.type, rendered(mapping.type, "type", event));
    }
  }
  if (!mapping.tenant_template.empty()) {
    ASSIGN_OR_RETURN(event.tenant, rendered(mapping.tenant_template, "tenant", event));
  }
  if (!mapping.type_prefix.empty()) event.type = mapping.type_prefix + "." + event.type;
  return event;
}

Event undecodable_event_of(const KafkaRecord& record, std::int64_t epoch, const KafkaMapping& mapping,
                           const Limits& limits) {
  Event event;
  add_place(record, epoch, mapping, event);
  event.type = "kafka.undecodable";
  event.content_type = "application/octet-stream";
  const std::string_view value = record.value.value_or("");
  event.data = value.substr(0, static_cast<std::size_t>(limits.event_bytes_max));
  if (event.data.size() < value.size()) event.attributes["kafka_value_bytes"] = std::to_string(value.size());
  const auto keep = [&event](std::string name, std::string_view bytes) {
    if (bytes.size() > kDeadAttributeBytesMax || name.size() > kDeadAttributeBytesMax) return;
    event.attributes[std::move(name)] = text_of(bytes);
  };
  keep("kafka_key", record.key.value_or(""));
  std::size_t kept = 0;
  for (const auto& [name, bytes] : record.headers) {
    if (++kept > kKafkaHeadersMax) break;
    keep("header_" + to_utf8(name), bytes.value_or(""));
  }
  return event;
}

}  // namespace mnema
