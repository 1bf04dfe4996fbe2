#include "agents/tool_arguments.hpp"

#include <cmath>

#include "agents/turn/block_tools.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/decimal.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

/// Takes out the member that `pointer` leads to, if it is null.
void erase_null_member(json::value& root, const std::string& pointer) {
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string::npos) return;
  json::error_code problem;
  const json::value* member = root.find_pointer(pointer, problem);
  if (member == nullptr || !member->is_null()) return;
  json::value* parent = root.find_pointer(pointer.substr(0, slash), problem);
  if (parent == nullptr || !parent->is_object()) return;
  for (auto place = parent->get_object().begin(); place != parent->get_object().end(); ++place) {
    if (&place->value() != member) continue;
    parent->get_object().erase(place);
    return;
  }
}

/// Whether a number stands in `value` that a tool would be given as infinity, and its journal as null; then `pointer`,
/// the value's own, leads to it.
bool find_infinite(const json::value& value, std::string& pointer) {
  if (is_number(value)) return !std::isfinite(with_doubles(value).to_number<double>());
  const std::size_t length = pointer.size();
  if (const json::array* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      pointer += "/" + std::to_string(i);
      if (find_infinite((*array)[i], pointer)) return true;
      pointer.resize(length);
    }
  } else if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) {
      pointer += "/" + json_pointer_token(member.key());
      if (find_infinite(member.value(), pointer)) return true;
      pointer.resize(length);
    }
  }
  return false;
}

}  // namespace

Status compile_tools(AgentSpec& agent) {
  for (ToolSpec& tool : agent.tools) {
    if (agent.edits_blocks && is_block_tool(tool.definition.name)) {
      return fail(ErrorCode::kInvalidArgument,
                  "agent '" + agent.name + "': '" + tool.definition.name +
                      "' is the runtime's own tool, by which the model changes blocks",
                  "give the tool another name, or the agent no edit_blocks");
    }
    // A tool without parameters takes any object, as the model was told nothing else.
    const json::value any = json::object{{"type", "object"}};
    const json::value& schema = tool.definition.parameters.is_null() ? any : tool.definition.parameters;
    Result<JsonSchema> compiled = JsonSchema::compile(schema);
    if (!compiled.ok()) {
      Error error = compiled.error();
      error.message = "agent '" + agent.name + "': the parameters of tool '" + tool.definition.name +
                      "' are no schema: " + error.message;
      return error;
    }
    tool.arguments_schema = std::make_shared<const JsonSchema>(std::move(*compiled));
  }
  return {};
}

Result<json::value> read_arguments(const ToolSpec& tool, std::string_view arguments) {
  CHECK(tool.arguments_schema != nullptr, "tools are compiled before they are called");
  JsonBounds bounds;
  bounds.exact_integers = true;
  ASSIGN_OR_RETURN(json::value value, parse_bounded_json(arguments, "the arguments", bounds));
  if (std::string place; find_infinite(value, place)) {
    return fail(ErrorCode::kInvalidArgument, "the arguments do not fit: at " +
                                                 place.substr(0, valid_utf8_prefix(place.substr(0, 300))) +
                                                 ": expected a number below 1.8e308, found more");
  }
  constexpr int kNullsMax = 1'000;
  const std::vector<SchemaBreach> breaches = tool.arguments_schema->validate(value, kNullsMax);
  if (breaches.empty()) return value;
  for (const SchemaBreach& breach : breaches) erase_null_member(value, breach.pointer);
  RETURN_IF_ERROR(tool.arguments_schema->check(value, "the arguments do not fit"));
  return value;
}

}  // namespace mnema
