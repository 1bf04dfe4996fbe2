#include "connectors/cloud_event.hpp"

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

Error no_cloud_event(const BrokerMessage& message, const std::string& problem) {
  return fail(ErrorCode::kInvalidArgument, "the " + std::string(message.noun) + " is no CloudEvent: " + problem);
}

bool is_json(std::string_view content_type) {
  const std::string_view plain = content_type.substr(0, content_type.find(';'));
  return plain == "application/json" || plain.ends_with("+json") || plain == "text/json";
}

std::string value_of(const BrokerMessage& message) { return "the " + std::string(message.noun) + "'s value"; }

/// Takes the attributes out of `fields`; what is left are extensions.
Status take_attributes(const BrokerMessage& message, std::map<std::string, std::string> fields,
                       const std::string& outer_source, Event& event) {
  const auto take = [&fields](const char* name) {
    const auto node = fields.extract(name);
    return node.empty() ? std::string() : std::move(node.mapped());
  };
  const std::string version = take("specversion");
  if (version != "1.0") return no_cloud_event(message, "its specversion is '" + version + "', not 1.0");
  event.id = take("id");
  if (event.id.empty()) return no_cloud_event(message, "it has no id");
  event.type = take("type");
  if (event.type.empty()) return no_cloud_event(message, "it has no type");
  const std::string source = take("source");
  if (source.empty()) return no_cloud_event(message, "it has no source");
  event.source = outer_source + "/" + source;
  event.attributes["ce_source"] = source;
  event.subject = take("subject");
  if (const std::string time = take("time"); !time.empty()) {
    const Result<Time> at = parse_rfc3339(time);
    if (!at.ok()) return no_cloud_event(message, "its time '" + time + "' is not of RFC 3339");
    event.time = *at;
  }
  if (std::string parent = take("traceparent"); !parent.empty()) event.traceparent = std::move(parent);
  for (auto& [name, value] : fields) {
    if (!is_own_attribute(message, name)) event.attributes[name] = std::move(value);
  }
  return {};
}

Status read_binary(const BrokerMessage& message, const std::string& source, const Limits& limits, Event& event) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : message.headers) {
    const std::optional<std::string_view> attribute = cloud_event_attribute(message, name);
    if (!attribute) continue;
    if (!is_valid_utf8(value.value_or("")))
      return no_cloud_event(message, "its " + std::string(name) + " is not UTF-8");
    fields[std::string(*attribute)] = value.value_or("");
  }
  RETURN_IF_ERROR(take_attributes(message, std::move(fields), source, event));
  const std::string_view content_type = content_type_of(message);
  event.content_type = content_type.empty() ? "application/json" : content_type;
  event.data = message.value.value_or("null");
  if (!is_json(event.content_type)) return {};
  const Result<json::value> parsed =
      parse_bounded_json(event.data, value_of(message), {limits.event_bytes_max, limits.json_depth_max});
  return parsed.ok() ? Status() : Status(parsed.error());
}

Status read_structured(const BrokerMessage& message, const std::string& source, const Limits& limits, Event& event) {
  ASSIGN_OR_RETURN(const json::value parsed, parse_bounded_json(message.value.value_or(""), value_of(message),
                                                                {limits.event_bytes_max, limits.json_depth_max}));
  if (!parsed.is_object()) return no_cloud_event(message, "it is no JSON object");
  std::map<std::string, std::string> fields;
  std::string content_type = "application/json";
  const json::value* data = nullptr;
  for (const json::key_value_pair& member : parsed.get_object()) {
    const std::string name(member.key());
    const json::value& value = member.value();
    if (name == "data" || name == "data_base64") {
      if (data != nullptr) return no_cloud_event(message, "it has both data and data_base64");
      data = &value;
    } else if (value.is_string() && name == "datacontenttype") {
      content_type = value.get_string();
    } else if (value.is_string()) {
      fields[name] = value.get_string();
    } else if (value.is_bool() || value.is_int64() || value.is_uint64()) {
      fields[name] = json::serialize(value);
    } else if (!value.is_null()) {
      return no_cloud_event(message, "its attribute '" + name + "' is no text, integer or boolean");
    }
  }
  RETURN_IF_ERROR(take_attributes(message, std::move(fields), source, event));
  event.content_type = content_type;
  if (data == nullptr) {
    event.data = "null";
  } else if (parsed.get_object().contains("data_base64")) {
    std::optional<std::string> bytes =
        data->is_string() ? base64_decode(std::string(data->get_string())) : std::nullopt;
    if (!bytes) return no_cloud_event(message, "its data_base64 is no base64");
    event.data = std::move(*bytes);
  } else if (data->is_string() && !is_json(content_type)) {
    event.data = data->get_string();
  } else {
    event.data = json::serialize(*data);
  }
  return {};
}

}  // namespace

std::optional<std::string_view> cloud_event_attribute(const BrokerMessage& message, std::string_view name) {
  for (const std::string_view prefix : message.cloud_event_prefixes) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return std::nullopt;
}

CloudEventMode cloud_event_mode(const BrokerMessage& message) {
  if (content_type_of(message).starts_with(kStructured)) return CloudEventMode::kStructured;
  const bool is_binary = std::any_of(message.headers.begin(), message.headers.end(), [&](const auto& header) {
    return cloud_event_attribute(message, header.first) == "specversion";
  });
  return is_binary ? CloudEventMode::kBinary : CloudEventMode::kNone;
}

Status read_cloud_event(const BrokerMessage& message, CloudEventMode mode, const std::string& source,
                        const Limits& limits, Event& event) {
  if (mode == CloudEventMode::kBinary) return read_binary(message, source, limits, event);
  const std::string_view kind = content_type_of(message);
  if (!is_json(kind)) return no_cloud_event(message, "its format '" + to_utf8(kind) + "' is not read (json is)");
  return read_structured(message, source, limits, event);
}

}  // namespace mnema
