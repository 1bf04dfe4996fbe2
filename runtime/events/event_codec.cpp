#include "runtime/events/event_codec.hpp"

#include <boost/json/serialize.hpp>

#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr JsonBounds kOwnText{.bytes_max = std::int64_t{1} << 30, .depth_max = 4};

Error corrupt(const std::string& problem) {
  return fail(ErrorCode::kCorrupt, "a stored event cannot be read: " + problem,
              "the data file was changed by something else; restore it from a backup");
}

/// Takes the members of an object one by one, and remembers the first that is not as expected.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_(object) {}

  std::string text(const char* name) {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr || !value->is_string()) return problem_ = name, std::string();
    return std::string(value->get_string());
  }
  std::int64_t integer(const char* name) {
    const json::value* value = object_.if_contains(name);
    if (value == nullptr || !value->is_int64()) return problem_ = name, 0;
    return value->get_int64();
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  const json::object& object_;
  std::string problem_;
};

json::object attributes_object(const std::map<std::string, std::string>& attributes) {
  json::object object;
  for (const auto& [name, value] : attributes) object[name] = value;
  return object;
}

Result<std::map<std::string, std::string>> attributes_of(const json::value& value) {
  if (!value.is_object()) return corrupt("its attributes are no object");
  std::map<std::string, std::string> attributes;
  for (const json::key_value_pair& member : value.get_object()) {
    if (!member.value().is_string()) return corrupt("an attribute is no text");
    attributes[std::string(member.key())] = member.value().get_string();
  }
  return attributes;
}

}  // namespace

std::string encode_attributes(const std::map<std::string, std::string>& attributes) {
  return json::serialize(attributes_object(attributes));
}

Result<std::map<std::string, std::string>> decode_attributes(std::string_view text) {
  Result<json::value> value = parse_bounded_json(text, "the attributes of a stored event", kOwnText);
  if (!value.ok()) return corrupt(value.error().message);
  return attributes_of(value.value());
}

std::string encode_event_fields(const Event& event) {
  json::object object;
  object["id"] = event.id;
  object["source"] = event.source;
  object["type"] = event.type;
  object["subject"] = event.subject;
  object["time"] = to_micros(event.time);
  object["content_type"] = event.content_type;
  object["tenant"] = event.tenant;
  object["user"] = event.user;
  object["agent"] = event.agent;
  object["key"] = event.key;
  object["priority"] = static_cast<std::int64_t>(event.priority);
  object["trust"] = static_cast<std::int64_t>(event.trust);
  if (event.deadline) object["deadline"] = to_micros(*event.deadline);
  object["traceparent"] = event.traceparent;
  object["attributes"] = attributes_object(event.attributes);
  return json::serialize(object);
}

Result<Event> decode_event_fields(std::string_view text) {
  const Result<json::value> parsed = parse_bounded_json(text, "a stored event", kOwnText);
  if (!parsed.ok()) return corrupt(parsed.error().message);
  if (!parsed.value().is_object()) return corrupt("it is no object");
  const json::object& object = parsed.value().get_object();
  Reader reader(object);
  Event event;
  event.id = reader.text("id");
  event.source = reader.text("source");
  event.type = reader.text("type");
  event.subject = reader.text("subject");
  event.time = from_micros(reader.integer("time"));
  event.content_type = reader.text("content_type");
  event.tenant = reader.text("tenant");
  event.user = reader.text("user");
  event.agent = reader.text("agent");
  event.key = reader.text("key");
  event.priority = static_cast<EventPriority>(reader.integer("priority"));
  event.trust = static_cast<Trust>(reader.integer("trust"));
  if (object.contains("deadline")) event.deadline = from_micros(reader.integer("deadline"));
  event.traceparent = reader.text("traceparent");
  if (!reader.problem().empty())
    return corrupt("its member \"" + reader.problem() + "\" is missing or of another type");
  const json::value* attributes = object.if_contains("attributes");
  if (attributes == nullptr) return corrupt("its attributes are missing");
  ASSIGN_OR_RETURN(event.attributes, attributes_of(*attributes));
  return event;
}

Status check_event(const Event& event, std::int64_t bytes_max) {
  constexpr std::size_t kFieldBytesMax = 1024;
  const auto invalid = [](const std::string& problem, std::string hint = {}) {
    return fail(ErrorCode::kInvalidArgument, "the event cannot be taken: " + problem, std::move(hint));
  };
  if (event.id.empty()) return invalid("it has no id", "duplicates are recognised by (source, id)");
  if (event.source.empty()) return invalid("it has no source", "duplicates are recognised by (source, id)");
  if (event.priority < EventPriority::kInteractive || event.priority > EventPriority::kBackground) {
    return invalid("there is no priority " + std::to_string(static_cast<int>(event.priority)));
  }
  std::size_t bytes = event.data.size();
  const std::pair<const char*, const std::string*> fields[] = {{"id", &event.id},
                                                               {"source", &event.source},
                                                               {"type", &event.type},
                                                               {"subject", &event.subject},
                                                               {"tenant", &event.tenant},
                                                               {"user", &event.user},
                                                               {"agent", &event.agent},
                                                               {"key", &event.key},
                                                               {"content_type", &event.content_type},
                                                               {"traceparent", &event.traceparent}};
  for (const auto& [name, value] : fields) {
    if (value->size() > kFieldBytesMax) {
      return invalid(std::string(name) + " has " + std::to_string(value->size()) + " bytes",
                     "at most " + std::to_string(kFieldBytesMax) + " are taken");
    }
    if (!is_valid_utf8(*value)) return invalid(std::string(name) + " is not UTF-8");
    bytes += value->size();
  }
  for (const auto& [name, value] : event.attributes) {
    if (!is_valid_utf8(name) || !is_valid_utf8(value)) return invalid("an attribute is not UTF-8");
    bytes += name.size() + value.size();
  }
  if (static_cast<std::int64_t>(bytes) > bytes_max) {
    return invalid("it has " + std::to_string(bytes) + " bytes", "at most " + std::to_string(bytes_max) + " are taken");
  }
  return {};
}

}  // namespace mnema
