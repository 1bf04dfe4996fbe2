#include "inference/grammar/tool_call_grammar.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "inference/grammar/schema_grammar.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr int kCallsMax = 8;  // a small model that may go on would go on

/// Whether a schema says of no member that it may be there: such a tool is called with {}.
bool has_no_parameters(const json::object& schema) {
  for (const char* keyword : {"required", "additionalProperties", "patternProperties", "unevaluatedProperties",
                              "propertyNames", "$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "const",
                              "enum", "minProperties", "dependentSchemas", "dependencies"}) {
    const json::value* value = schema.if_contains(keyword);
    const bool is_nothing = value == nullptr || *value == json::value(false) ||
                            (value->is_array() && value->get_array().empty()) ||
                            (value->is_object() && value->get_object().empty() && keyword[0] == 'p');
    if (!is_nothing) return false;
  }
  const json::value* members = schema.if_contains("properties");
  return members == nullptr || (members->is_object() && members->get_object().empty());
}

Result<Expression> arguments_of(const ToolDefinition& tool, Rules& rules) {
  const json::object* declared = tool.parameters.if_object();
  json::value schema = tool.parameters;
  bool is_object = declared != nullptr;
  if (declared != nullptr) {
    json::value& type = schema.as_object().emplace("type", "object").first->value();
    const json::array* types = type.if_array();
    if (types != nullptr && std::find(types->begin(), types->end(), json::value("object")) != types->end())
      type = "object";
    is_object = type == json::value("object");
  }
  if (!is_object && !tool.parameters.is_null()) {
    return fail(ErrorCode::kInvalidArgument, "the parameters of tool '" + tool.name + "' must be an object's schema",
                "write {\"type\": \"object\", \"properties\": {...}}");
  }
  if (!is_object || has_no_parameters(*declared)) return literal("{}");
  Result<Expression> arguments = expression_of_schema(schema, rules);
  if (!arguments.ok()) {
    Error error = arguments.error();
    error.message = "tool '" + tool.name + "': " + error.message;
    return error;
  }
  return arguments;
}

/// Text up to and with the end of the reasoning.
Expression rest_of_reasoning() {
  const Expression other = characters_except({{'<', '<'}});
  const Expression angle = sequence({literal("<"), characters_except({{'<', '<'}, {'/', '/'}})});
  return sequence({repeat(alternatives({other, angle}), 0, -1), literal("</think>"), repeat(literal("\n"), 0, 2)});
}

}  // namespace

Result<Rules> rules_of_tool_calls(const ToolCallConstraint& constraint) {
  if (constraint.tools.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a tool must be called, and there is none", "send tools");
  }
  Rules rules;
  rules.root = rules.declare("root");
  const int call = rules.declare("call");
  std::vector<Expression> calls;
  for (const ToolDefinition& tool : constraint.tools) {
    ASSIGN_OR_RETURN(Expression arguments, arguments_of(tool, rules));
    const std::string begin = "{\"name\": " + json::serialize(json::string(tool.name)) + ", \"arguments\": ";
    calls.push_back(sequence({literal(begin), std::move(arguments), literal("}")}));
  }
  const Expression body =
      sequence({literal("<tool_call>\n"), alternatives(std::move(calls)), literal("\n</tool_call>")});
  rules.rules[static_cast<std::size_t>(call)].body = body;
  std::vector<Expression> parts;
  if (constraint.in_reasoning) {
    parts.push_back(rest_of_reasoning());
  } else if (constraint.may_reason) {
    parts.push_back(optional(sequence({literal("<think>"), rest_of_reasoning()})));
  }
  parts.push_back(reference(call));
  if (constraint.several) parts.push_back(repeat(sequence({literal("\n"), reference(call)}), 0, kCallsMax - 1));
  rules.rules[static_cast<std::size_t>(rules.root)].body = sequence(std::move(parts));
  return rules;
}

}  // namespace mnema::grammar
