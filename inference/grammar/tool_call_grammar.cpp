#include "inference/grammar/tool_call_grammar.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "inference/grammar/answer_grammar.hpp"
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
    Error error =
        fail(ErrorCode::kInvalidArgument, "the parameters of tool '" + tool.name + "' must be an object's schema",
             "write {\"type\": \"object\", \"properties\": {...}}");
    error.part = "tools";
    return error;
  }
  if (!is_object || has_no_parameters(*declared)) return literal("{}");
  Result<Expression> arguments = expression_of_schema(schema, rules);
  if (!arguments.ok()) {
    Error error = arguments.error();
    error.message = "tool '" + tool.name + "': " + error.message;
    error.part = "tools";
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

/// Text in which no call begins. "<" before the beginning of a call's tag is left out, which no text has a use for.
Expression text_without_calls() {
  constexpr std::string_view kTag = "<tool_call>";
  std::vector<Expression> pieces{characters_except({{'<', '<'}})};
  std::vector<Expression> others;  // what may follow "<": the tag up to some character, and then another one
  for (std::size_t i = 1; i < kTag.size(); ++i) {
    const auto next = static_cast<unsigned char>(kTag[i]);
    others.push_back(sequence({literal(kTag.substr(1, i - 1)), characters_except({{'<', '<'}, {next, next}})}));
  }
  const Expression angles = repeat(literal("<"), 1, -1);
  pieces.push_back(sequence({angles, alternatives(std::move(others))}));
  return sequence({repeat(alternatives(std::move(pieces)), 0, -1), optional(angles)});
}

}  // namespace

Result<Rules> rules_of_tool_calls(const ToolCallConstraint& constraint) {
  const bool has_shape = constraint.answer == ToolCallConstraint::Answer::kShape;
  if (constraint.tools.empty() && !has_shape) {
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
  std::vector<Expression> some{reference(call)};
  if (constraint.several) some.push_back(repeat(sequence({literal("\n"), reference(call)}), 0, kCallsMax - 1));
  Expression answer = sequence(std::move(some));
  if (constraint.answer == ToolCallConstraint::Answer::kText) {
    answer = sequence({text_without_calls(), optional(std::move(answer))});
  } else if (has_shape) {
    ASSIGN_OR_RETURN(Expression shape,
                     std::visit([&](const auto& of) { return expression_of(of, rules); }, constraint.shape));
    answer = constraint.tools.empty() ? std::move(shape) : alternatives({std::move(answer), std::move(shape)});
  }
  parts.push_back(std::move(answer));
  rules.rules[static_cast<std::size_t>(rules.root)].body = sequence(std::move(parts));
  return rules;
}

}  // namespace mnema::grammar
