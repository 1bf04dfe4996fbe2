#include "agents/turn/block_tools.hpp"

#include <boost/json.hpp>

#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

json::object text_field(const char* about) { return {{"type", "string"}, {"description", about}}; }

ToolDefinition definition(const char* name, const char* description, json::object properties, json::array required) {
  return {name, description,
          json::object{{"type", "object"},
                       {"properties", std::move(properties)},
                       {"required", std::move(required)},
                       {"additionalProperties", false}}};
}

Result<std::string> text_at(const json::object& arguments, std::string_view name) {
  const json::value* value = arguments.if_contains(name);
  if (value && value->is_string()) return std::string(value->get_string());
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(name) + "' must be a text");
}

}  // namespace

std::vector<ToolDefinition> block_tools() {
  return {definition(kBlockAppend, "Adds a line to a block of working memory, which you see in every conversation.",
                     {{"block", text_field("Name of the block")}, {"text", text_field("The line")}}, {"block", "text"}),
          definition(kBlockReplace, "Replaces a part of a block of working memory.",
                     {{"block", text_field("Name of the block")},
                      {"old", text_field("The part, exactly as it stands there")},
                      {"text", text_field("What takes its place")}},
                     {"block", "old", "text"})};
}

bool is_block_tool(const std::string& name) { return name == kBlockAppend || name == kBlockReplace; }

Result<BlockEdit> block_edit_of(const ToolCall& call) {
  ASSIGN_OR_RETURN(const json::value arguments, parse_bounded_json(call.arguments, "the arguments"));
  const json::object* object = arguments.if_object();
  if (!object) return fail(ErrorCode::kInvalidArgument, "the arguments must be an object");
  BlockEdit edit;
  ASSIGN_OR_RETURN(edit.name, text_at(*object, "block"));
  ASSIGN_OR_RETURN(edit.text, text_at(*object, "text"));
  edit.kind = BlockEditKind::kAppend;
  if (call.name == kBlockReplace) {
    edit.kind = BlockEditKind::kReplace;
    ASSIGN_OR_RETURN(edit.replaced, text_at(*object, "old"));
  }
  RETURN_IF_ERROR(check_block_name(edit.name));
  return edit;
}

}  // namespace mnema
