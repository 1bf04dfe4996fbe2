#include "runtime/events/key_template.hpp"

#include <boost/json/value.hpp>
#include <optional>
#include <vector>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

/// A template is a row of these.
struct Part {
  bool is_place = false;  // between braces
  std::string text;
};

/// A pointer with such an escape names no place in any payload (RFC 6901).
bool has_bad_escape(std::string_view place) {
  if (!place.starts_with('/')) return false;
  for (std::size_t at = place.find('~'); at != std::string_view::npos; at = place.find('~', at + 1)) {
    if (at + 1 == place.size() || (place[at + 1] != '0' && place[at + 1] != '1')) return true;
  }
  return false;
}

Result<std::vector<Part>> split(std::string_view key_template) {
  const auto malformed = [whole = std::string(key_template)](const std::string& problem) {
    return fail(ErrorCode::kInvalidArgument, "the key template '" + whole + "' " + problem,
                "write places as {/json/pointer} or {subject}");
  };
  std::vector<Part> parts;
  if (key_template.find_first_of("{}") == std::string_view::npos) {
    parts.push_back({true, "/" + json_pointer_token(key_template)});
    return parts;
  }
  while (!key_template.empty()) {
    const std::size_t brace = key_template.find_first_of("{}");
    if (brace > 0) parts.push_back({false, std::string(key_template.substr(0, brace))});
    if (brace == std::string_view::npos) break;
    if (key_template[brace] == '}') return malformed("has a '}' without a '{'");
    const std::size_t end = key_template.find('}', brace);
    if (end == std::string_view::npos) return malformed("has a '{' without a '}'");
    std::string place(key_template.substr(brace + 1, end - brace - 1));
    if (place.empty()) return malformed("has empty braces");
    if (has_bad_escape(place)) return malformed("has a '~' that is neither '~0' (for '~') nor '~1' (for '/')");
    parts.push_back({true, std::move(place)});
    key_template.remove_prefix(end + 1);
  }
  return parts;
}

std::optional<std::string> field_of(const Event& event, const std::string& name) {
  if (name == "subject") return event.subject;
  if (name == "source") return event.source;
  if (name == "type") return event.type;
  if (name == "user") return event.user;
  if (const auto found = event.attributes.find(name); found != event.attributes.end()) return found->second;
  return std::nullopt;
}

Error missing(const std::string& place, const std::string& problem) {
  return fail(ErrorCode::kInvalidArgument, "the event's key cannot be made: " + place + " " + problem,
              "check the agent's key against the event's payload");
}

Result<std::string> text_at(const json::value& payload, const std::string& pointer) {
  boost::system::error_code error;
  const json::value* found = payload.find_pointer(pointer, error);
  if (found == nullptr) return missing(pointer, "is not in the payload");
  if (found->is_string()) return std::string(found->get_string());
  if (found->is_int64() || found->is_uint64() || found->is_bool()) return canonical_json(*found);
  return missing(pointer, "is no text, integer or boolean");
}

}  // namespace

Status check_key_template(std::string_view key_template) {
  if (key_template.empty()) return {};
  const Result<std::vector<Part>> parts = split(key_template);
  return parts.ok() ? Status() : Status(parts.error());
}

std::vector<std::string> attributes_of(std::string_view key_template) {
  std::vector<std::string> names;
  const Result<std::vector<Part>> parts = split(key_template);
  if (!parts.ok()) return names;
  for (const Part& part : *parts) {
    if (part.is_place && part.text.front() != '/' && !field_of(Event{}, part.text)) names.push_back(part.text);
  }
  return names;
}

Result<std::string> render_key(std::string_view key_template, const Event& event) {
  std::string key;
  if (key_template.empty()) return key;
  ASSIGN_OR_RETURN(const std::vector<Part> parts, split(key_template));
  std::optional<json::value> payload;
  for (const Part& part : parts) {
    if (!part.is_place) {
      key += part.text;
    } else if (part.text.front() != '/') {
      const std::optional<std::string> field = field_of(event, part.text);
      if (!field) return missing(part.text, "is neither a field nor an attribute of the event");
      key += *field;
    } else {
      if (!payload) {
        ASSIGN_OR_RETURN(payload, parse_bounded_json(event.data, "the event's payload"));
      }
      ASSIGN_OR_RETURN(const std::string text, text_at(*payload, part.text));
      key += text;
    }
  }
  return key;
}

}  // namespace mnema
