#include "connectors/kafka/cloud_event.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <map>

#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/events/event_deadline.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr std::string_view kStructured = "application/cloudevents";

Error no_cloud_event(const std::string& problem) {
  return fail(ErrorCode::kInvalidArgument, "the record is no CloudEvent: " + problem);
}

bool is_json(std::string_view content_type) {
  const std::string_view plain = content_type.substr(0, content_type.find(';'));
  return plain == "application/json" || plain.ends_with("+json") || plain == "text/json";
}

/// Takes the attributes out of `fields`; what is left are extensions.
Status take_attributes(std::map<std::string, std::string> fields, Event& event) {
  const auto take = [&fields](const char* name) {
    const auto node = fields.extract(name);
    return node.empty() ? std::string() : std::move(node.mapped());
  };
  const std::string version = take("specversion");
  if (version != "1.0") return no_cloud_event("its specversion is '" + version + "', not 1.0");
  event.id = take("id");
  if (event.id.empty()) return no_cloud_event("it has no id");
  event.type = take("type");
  if (event.type.empty()) return no_cloud_event("it has no type");
  const std::string source = take("source");
  if (source.empty()) return no_cloud_event("it has no source");
  // Without the partition: the same event may be sent again to another one.
  event.source = event.source.substr(0, event.source.rfind('/')) + "/" + source;
  event.attributes["ce_source"] = source;
  event.subject = take("subject");
  if (const std::string time = take("time"); !time.empty()) {
    const Result<Time> at = parse_rfc3339(time);
    if (!at.ok()) return no_cloud_event("its time '" + time + "' is not of RFC 3339");
    event.time = *at;
  }
  if (std::string parent = take("traceparent"); !parent.empty()) event.traceparent = std::move(parent);
  for (auto& [name, value] : fields) event.attributes[name] = std::move(value);
  return {};
}

Status read_binary(const KafkaRecord& record, const Limits& limits, Event& event) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : record.headers) {
    if (!name.starts_with("ce_")) continue;
    if (!is_valid_utf8(value.value_or(""))) return no_cloud_event("its " + std::string(name) + " is not UTF-8");
    fields[std::string(name.substr(3))] = value.value_or("");
  }
  RETURN_IF_ERROR(take_attributes(std::move(fields), event));
  event.content_type = header_of(record, "content-type").value_or("application/json");
  event.data = record.value.value_or("null");
  if (!record.value) event.attributes["kafka_tombstone"] = "true";
  if (!is_json(event.content_type)) return {};
  const Result<json::value> parsed =
      parse_bounded_json(event.data, "the record's value", {limits.event_bytes_max, limits.json_depth_max});
  return parsed.ok() ? Status() : Status(parsed.error());
}

Status read_structured(const KafkaRecord& record, const Limits& limits, Event& event) {
  ASSIGN_OR_RETURN(const json::value parsed, parse_bounded_json(record.value.value_or(""), "the record's value",
                                                                {limits.event_bytes_max, limits.json_depth_max}));
  if (!parsed.is_object()) return no_cloud_event("it is no JSON object");
  std::map<std::string, std::string> fields;
  std::string content_type = "application/json";
  const json::value* data = nullptr;
  for (const json::key_value_pair& member : parsed.get_object()) {
    const std::string name(member.key());
    const json::value& value = member.value();
    if (name == "data" || name == "data_base64") {
      if (data != nullptr) return no_cloud_event("it has both data and data_base64");
      data = &value;
    } else if (value.is_string() && name == "datacontenttype") {
      content_type = value.get_string();
    } else if (value.is_string()) {
      fields[name] = value.get_string();
    } else if (value.is_bool() || value.is_int64() || value.is_uint64()) {
      fields[name] = json::serialize(value);
    } else if (!value.is_null()) {
      return no_cloud_event("its attribute '" + name + "' is no text, integer or boolean");
    }
  }
  RETURN_IF_ERROR(take_attributes(std::move(fields), event));
  event.content_type = content_type;
  if (data == nullptr) {
    event.data = "null";
  } else if (parsed.get_object().contains("data_base64")) {
    std::optional<std::string> bytes =
        data->is_string() ? base64_decode(std::string(data->get_string())) : std::nullopt;
    if (!bytes) return no_cloud_event("its data_base64 is no base64");
    event.data = std::move(*bytes);
  } else if (data->is_string() && !is_json(content_type)) {
    event.data = data->get_string();
  } else {
    event.data = json::serialize(*data);
  }
  return {};
}

}  // namespace

std::optional<std::string_view> header_of(const KafkaRecord& record, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [header, value] : record.headers) {
    if (header == name) found = value;
  }
  return found;
}

CloudEventMode cloud_event_mode(const KafkaRecord& record) {
  if (record.headers.empty()) return CloudEventMode::kNone;
  if (header_of(record, "content-type").value_or("").starts_with(kStructured)) return CloudEventMode::kStructured;
  const bool is_binary = std::any_of(record.headers.begin(), record.headers.end(),
                                     [](const auto& header) { return header.first == "ce_specversion"; });
  return is_binary ? CloudEventMode::kBinary : CloudEventMode::kNone;
}

Status read_cloud_event(const KafkaRecord& record, CloudEventMode mode, const Limits& limits, Event& event) {
  if (mode == CloudEventMode::kBinary) return read_binary(record, limits, event);
  const std::string_view kind = header_of(record, "content-type").value_or("");
  if (!is_json(kind)) return no_cloud_event("its format '" + to_utf8(kind) + "' is not read (json is)");
  return read_structured(record, limits, event);
}

}  // namespace mnema
