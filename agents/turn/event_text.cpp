#include "agents/turn/event_text.hpp"

#include "agents/convert.hpp"

namespace mnema {
namespace {

std::string string_at(const boost::json::value& json, std::string_view pointer) {
  const boost::json::value* found = find_at(json, pointer);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

}  // namespace

std::string text_of(const Event& event) {
  if (event.content_type.find("json") == std::string::npos) return event.data;
  const Result<boost::json::value> json = parse_bounded_json(event.data, "the payload");
  if (!json.ok()) return event.data;
  if (const std::string comment = string_at(*json, "/comment/body"); !comment.empty()) {
    return string_at(*json, "/issue/title") + "\n\n" + comment;
  }
  if (const std::string title = string_at(*json, "/issue/title"); !title.empty()) {
    return title + "\n\n" + string_at(*json, "/issue/body");
  }
  for (const char* pointer : {"/text", "/message"}) {
    if (const std::string text = string_at(*json, pointer); !text.empty()) return text;
  }
  return event.data;
}

}  // namespace mnema
