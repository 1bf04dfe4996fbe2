#include "connectors/message_mapping.hpp"

#include <algorithm>
#include <utility>

#include "connectors/base64.hpp"
#include "connectors/cloud_event.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

std::size_t bytes_of(const BrokerMessage& message) {
  return std::max(message.value_bytes, message.value.value_or("").size());
}

Result<std::string> rendered(const BrokerMessage& message, const std::string& pattern, const char* what,
                             const Event& event) {
  Result<std::string> text = render_key(pattern, event);
  if (text.ok() && !text->empty()) return text;
  if (text.ok()) return fail(ErrorCode::kInvalidArgument, std::string("the event's ") + what + " is empty");
  return fail(ErrorCode::kInvalidArgument,
              std::string("the event's ") + what + " cannot be made: " + text.error().message,
              std::string("check the source's ") + what + " against the " + std::string(message.noun));
}

Status check_size(const BrokerMessage& message, const Limits& limits) {
  const std::string the_message = "the " + std::string(message.noun);
  if (message.headers_count > static_cast<std::size_t>(limits.message_headers_max)) {
    return fail(ErrorCode::kInvalidArgument, the_message + " has " + std::to_string(message.headers_count) + " headers",
                "at most " + std::to_string(limits.message_headers_max) + " are taken (message_headers_max)");
  }
  const std::size_t bytes = bytes_of(message);
  if (static_cast<std::int64_t>(bytes) <= limits.event_bytes_max) return {};
  return fail(ErrorCode::kInvalidArgument, the_message + "'s value has " + std::to_string(bytes) + " bytes",
              "at most " + std::to_string(limits.event_bytes_max) + " are taken (event_bytes_max)");
}

/// Its payload as the format says.
Status read_payload(const BrokerMessage& message, const MessageMapping& mapping, const Limits& limits, Event& event) {
  if (!message.value) {
    event.data = "null";
    return {};
  }
  if (mapping.format == MessageMapping::Format::kBytes) {
    const std::string_view content_type = content_type_of(message);
    event.content_type = content_type.empty() ? "application/octet-stream" : content_type;
    event.data = *message.value;
    return {};
  }
  const Result<boost::json::value> parsed =
      parse_bounded_json(*message.value, "the " + std::string(message.noun) + "'s value",
                         JsonBounds{limits.event_bytes_max, limits.json_depth_max});
  if (!parsed.ok()) return parsed.error();
  event.data = *message.value;
  return {};
}

}  // namespace

std::string attribute_text(std::string_view bytes) {
  return is_valid_utf8(bytes) ? std::string(bytes) : "base64:" + base64_encode(bytes);
}

Status map_message(const BrokerMessage& message, const MessageMapping& mapping, const std::string& cloud_event_source,
                   const Limits& limits, Event& event) {
  RETURN_IF_ERROR(check_size(message, limits));
  const CloudEventMode mode = cloud_event_mode(message);
  for (const auto& [name, value] : message.headers) {
    if (!is_valid_utf8(name)) return fail(ErrorCode::kInvalidArgument, "the name of a header is not UTF-8");
    if (mode == CloudEventMode::kBinary && cloud_event_attribute(message, name)) continue;
    if (is_own_attribute(message, name)) continue;
    event.attributes[std::string(name)] = attribute_text(value.value_or(""));
  }
  if (const auto parent = header_of(message, "traceparent")) event.traceparent = to_utf8(*parent);
  if (mode != CloudEventMode::kNone) {
    RETURN_IF_ERROR(read_cloud_event(message, mode, cloud_event_source, limits, event));
  } else {
    RETURN_IF_ERROR(read_payload(message, mapping, limits, event));
    if (!mapping.id.empty() && !message.has_id) {
      ASSIGN_OR_RETURN(event.id, rendered(message, mapping.id, "id", event));
    }
    if (!mapping.type.empty()) {
      ASSIGN_OR_RETURN(event.type, rendered(message, mapping.type, "type", event));
    }
  }
  if (!mapping.tenant_template.empty()) {
    ASSIGN_OR_RETURN(event.tenant, rendered(message, mapping.tenant_template, "tenant", event));
  }
  if (!mapping.type_prefix.empty()) event.type = mapping.type_prefix + "." + event.type;
  return {};
}

void keep_attribute(std::string name, std::string_view bytes, const Limits& limits, Event& event) {
  const auto bytes_max = static_cast<std::size_t>(limits.dead_letter_attribute_bytes_max);
  if (bytes.size() > bytes_max || name.size() > bytes_max) return;
  event.attributes[std::move(name)] = attribute_text(bytes);
}

bool keep_undecodable(const BrokerMessage& message, const Limits& limits, Event& event) {
  event.content_type = "application/octet-stream";
  event.data = message.value.value_or("").substr(0, static_cast<std::size_t>(limits.event_bytes_max));
  int kept = 0;
  for (const auto& [name, bytes] : message.headers) {
    if (++kept > limits.message_headers_max) break;
    keep_attribute("header_" + to_utf8(name), bytes.value_or(""), limits, event);
  }
  return event.data.size() < bytes_of(message);
}

}  // namespace mnema
