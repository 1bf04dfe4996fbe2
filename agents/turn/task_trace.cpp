#include "agents/turn/task_trace.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "agents/tool_arguments.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// Longer results are looked at this far for where an argument came from.
constexpr std::size_t kResultBytesMax = 16'384;
/// A longer text is the model's own wording, wherever parts of it stood.
constexpr std::size_t kValueBytesMax = 80;

bool is_word_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

/// Whether `value` stands in `text` as a word of its own.
bool holds(std::string_view text, std::string_view value) {
  for (std::size_t at = text.find(value); at != std::string_view::npos; at = text.find(value, at + 1)) {
    const std::size_t end = at + value.size();
    const bool begins = at == 0 || !is_word_part(text[at - 1]) || !is_word_part(value.front());
    const bool ends = end == text.size() || !is_word_part(text[end]) || !is_word_part(value.back());
    if (begins && ends) return true;
  }
  return false;
}

std::string lowered(std::string_view text) {
  std::string low(text);
  for (char& c : low) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return low;
}

/// As it stands in texts: strings without quotes.
std::string plain(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

bool is_declared(const ToolSpec& tool, std::string_view name) {
  const json::object* schema = tool.definition.parameters.if_object();
  const json::value* properties = schema ? schema->if_contains("properties") : nullptr;
  const json::object* object = properties ? properties->if_object() : nullptr;
  return object && object->contains(name);
}

bool found_nothing(std::string_view result) {
  return result == "null" || result == "\"\"" || result == "[]" || result == "{}" || result.empty();
}

}  // namespace

bool says_failure(std::string_view result) {
  const Result<json::value> parsed = parse_bounded_json(result, "a tool's result", kWrittenByUs);
  const json::object* object = parsed.ok() ? parsed->if_object() : nullptr;
  if (!object) return false;
  if (const json::value* error = object->if_contains("error")) {
    const bool is_empty = error->is_null() || (error->is_bool() && !error->get_bool()) ||
                          (error->is_string() && error->get_string().empty());
    if (!is_empty) return true;
  }
  for (const char* name : {"ok", "success"}) {
    const json::value* value = object->if_contains(name);
    if (value && value->is_bool() && !value->get_bool()) return true;
  }
  return false;
}

void TaskTrace::note(const ToolSpec* tool, const ToolCall& call, const std::string& result, bool failed) {
  ++calls_;
  const auto arguments = tool ? read_arguments(*tool, call.arguments)
                              : mnema::Result<json::value>(fail(ErrorCode::kNotFound, "there is no such tool"));
  if (failed || !arguments.ok() || says_failure(result)) {
    unresolved_ = call.name;
    return;
  }
  if (unresolved_ == call.name) unresolved_.clear();
  std::string made = call.name + " " + canonical_json(*arguments);
  const bool repeats = std::find(made_.begin(), made_.end(), made) != made_.end();
  if (repeats || (!tool->has_effects && found_nothing(result))) return;
  TaskStep step;
  step.tool = call.name;
  if (const json::object* object = arguments->if_object()) {
    for (const auto& [name, value] : *object) {
      // A name that the tool does not declare is not ours to repeat.
      if (is_declared(*tool, name) && !value.is_null()) step.arguments.push_back(shape_of(name, value));
    }
  }
  std::sort(step.arguments.begin(), step.arguments.end(),
            [](const ArgumentShape& a, const ArgumentShape& b) { return a.name < b.name; });
  steps_.push_back(std::move(step));
  made_.push_back(std::move(made));
  results_.push_back({call.name, lowered(std::string_view(result).substr(0, kResultBytesMax))});
}

ArgumentShape TaskTrace::shape_of(std::string_view name, const json::value& value) const {
  ArgumentShape shape{std::string(name), ArgumentOrigin::kChosen, ""};
  if (value.is_object() || value.is_array() || value.is_bool()) return shape;
  const std::string text = lowered(plain(value));
  if (text.empty() || text.size() > kValueBytesMax) return shape;
  for (const std::string& part : task_) {
    if (holds(lowered(part), text)) return {std::string(name), ArgumentOrigin::kTask, ""};
  }
  for (auto earlier = results_.rbegin(); earlier != results_.rend(); ++earlier) {
    if (holds(earlier->text, text)) return {std::string(name), ArgumentOrigin::kResult, earlier->tool};
  }
  return shape;
}

}  // namespace mnema
