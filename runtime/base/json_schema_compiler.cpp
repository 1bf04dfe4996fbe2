#include "runtime/base/json_schema_compiler.hpp"

#include <algorithm>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr int kDepthMax = 512;

Error at(const std::string& pointer, const std::string& problem, ErrorCode code = ErrorCode::kInvalidArgument) {
  return fail(code, "JSON schema at '" + (pointer.empty() ? "/" : pointer) + "': " + problem);
}

Status count(std::optional<std::int64_t>& slot, const json::value& value, const std::string& pointer) {
  // A count larger than any there can be is none that is ever reached.
  constexpr std::int64_t kMost = 1'000'000'000'000'000;
  const std::optional<Decimal> number = Decimal::of(value);
  if (!number || number->is_negative() || !number->is_integer())
    return at(pointer, "expected an integer of at least 0");
  slot = Decimal(kMost) < *number ? kMost : std::stoll(number->whole_digits());
  return {};
}

template <class Bound>
Status bound(std::optional<Bound>& slot, const json::value& value, const std::string& pointer) {
  const std::optional<Decimal> number = Decimal::of(value);
  if (!number) return at(pointer, "expected a number");
  slot = Bound{*number, number->text()};
  return {};
}

Result<std::vector<std::string>> names(const json::value& value, const std::string& pointer) {
  if (!value.is_array()) return at(pointer, "expected an array");
  std::vector<std::string> found;
  for (const json::value& name : value.get_array()) {
    if (!name.is_string()) return at(pointer, "expected strings");
    found.emplace_back(name.get_string());
  }
  return found;
}

}  // namespace

Result<const JsonSchema::Node*> JsonSchema::Compiler::compile(const json::value& value, const std::string& pointer) {
  if (const auto found = done_.find(&value); found != done_.end()) return static_cast<const Node*>(found->second);
  if (depth_ > kDepthMax) return at(pointer.substr(0, 60) + "...", "nested too deep");
  schema_.nodes_.push_back(std::make_unique<Node>());
  Node* node = done_[&value] = schema_.nodes_.back().get();
  if (value.is_bool()) {
    node->never = !value.get_bool();
    return static_cast<const Node*>(node);
  }
  if (!value.is_object()) return at(pointer, "expected an object or a boolean, found " + shown_json(value));
  ++depth_;
  const json::object& schema = value.get_object();
  for (const json::key_value_pair& member : schema) {
    RETURN_IF_ERROR(
        keyword(*node, schema, member.key(), member.value(), pointer + "/" + json_pointer_token(member.key())));
  }
  --depth_;
  return static_cast<const Node*>(node);
}

Status JsonSchema::Compiler::keyword(Node& node, const json::object& schema, std::string_view name,
                                     const json::value& value, const std::string& pointer) {
  if (name == "type") return types(node, value, pointer);
  if (name == "enum" || name == "const") return choices(node, name == "const", value, pointer);
  if (name == "$ref" || name == "$dynamicRef" || name == "$recursiveRef")
    return reference(node, schema, name, value, pointer);
  if (name == "properties") return members(node, value, pointer);
  if (name == "patternProperties") return pattern_members(node, value, pointer);
  if (name == "required") {
    if (value.is_bool()) return {};  // draft 3's word, inside a member
    ASSIGN_OR_RETURN(node.required, names(value, pointer));
    return {};
  }
  if (name == "additionalProperties") return part(node.additional_properties, value, pointer);
  if (name == "propertyNames") return part(node.property_names, value, pointer);
  if (name == "dependencies" || name == "dependentRequired" || name == "dependentSchemas")
    return dependencies(node, value, pointer);
  if (name == "items" || name == "prefixItems" || name == "additionalItems") return items(node, schema, value, pointer);
  if (name == "contains") return part(node.contains, value, pointer);
  if (name == "minContains") return count(node.contains_min, value, pointer);
  if (name == "maxContains") return count(node.contains_max, value, pointer);
  if (name == "unevaluatedProperties") return part(node.unevaluated_properties, value, pointer);
  if (name == "unevaluatedItems") return part(node.unevaluated_items, value, pointer);
  if (name == "allOf") return parts(node.all_of, value, pointer);
  if (name == "anyOf") return parts(node.any_of, value, pointer);
  if (name == "oneOf") return parts(node.one_of, value, pointer);
  if (name == "not") return part(node.negated, value, pointer);
  if (name == "if") return part(node.condition, value, pointer);
  if (name == "then") return part(node.then, value, pointer);
  if (name == "else") return part(node.otherwise, value, pointer);
  if (name == "uniqueItems") {
    if (!value.is_bool()) return at(pointer, "expected true or false");
    node.unique_items = value.get_bool();
    return {};
  }
  if (name == "pattern") return pattern(node, value, pointer);
  if (name == "minProperties") return count(node.properties_min, value, pointer);
  if (name == "maxProperties") return count(node.properties_max, value, pointer);
  if (name == "minItems") return count(node.items_min, value, pointer);
  if (name == "maxItems") return count(node.items_max, value, pointer);
  if (name == "minLength") return count(node.length_min, value, pointer);
  if (name == "maxLength") return count(node.length_max, value, pointer);
  // Draft 4: exclusiveMinimum is a flag beside minimum.
  const auto is_exclusive = [&](const char* flag) {
    const json::value* other = schema.if_contains(flag);
    return other != nullptr && *other == json::value(true);
  };
  if (name == "minimum")
    return bound(is_exclusive("exclusiveMinimum") ? node.exclusive_minimum : node.minimum, value, pointer);
  if (name == "maximum")
    return bound(is_exclusive("exclusiveMaximum") ? node.exclusive_maximum : node.maximum, value, pointer);
  if (name == "exclusiveMinimum" && !value.is_bool()) return bound(node.exclusive_minimum, value, pointer);
  if (name == "exclusiveMaximum" && !value.is_bool()) return bound(node.exclusive_maximum, value, pointer);
  if (name == "multipleOf" || name == "divisibleBy") {
    RETURN_IF_ERROR(bound(node.multiple_of, value, pointer));
    const Decimal& of = node.multiple_of->value;
    return of.is_zero() || of.is_negative() ? at(pointer, "expected a number above 0") : Status();
  }
  return {};  // an annotation
}

Status JsonSchema::Compiler::types(Node& node, const json::value& value, const std::string& pointer) {
  static constexpr std::string_view kTypes[] = {"null", "boolean", "string", "array", "object", "integer", "number"};
  const json::array one{value};
  for (const json::value& type : value.is_array() ? value.get_array() : one) {
    if (type == json::value("any")) return node.types.clear(), Status();  // draft 3
    if (!type.is_string() || std::find(std::begin(kTypes), std::end(kTypes), type.get_string()) == std::end(kTypes)) {
      return at(pointer, "there is no type " + shown_json(type));
    }
    node.types.emplace_back(type.get_string());
  }
  return {};
}

Status JsonSchema::Compiler::choices(Node& node, bool single, const json::value& value, const std::string& pointer) {
  if (!single && !value.is_array()) return at(pointer, "expected an array");
  const json::array one{value};
  std::vector<std::string> texts;
  std::set<std::string> canonical;
  for (const json::value& choice : single ? one : value.get_array()) {
    std::string text = canonical_json(choice);
    // Beside the other keyword: what both list.
    if (node.choices && !node.choice_texts.contains(text)) continue;
    texts.push_back(shown_json(choice));
    canonical.insert(std::move(text));
  }
  node.choices = std::move(texts);
  node.choice_texts = std::move(canonical);
  return {};
}

Status JsonSchema::Compiler::reference(Node& node, const json::object& schema, std::string_view keyword,
                                       const json::value& value, const std::string& pointer) {
  if (!value.is_string()) return at(pointer, "expected a string, found " + shown_json(value));
  const std::string text(value.get_string());
  const auto target =
      keyword == "$dynamicRef" ? references_.resolve_dynamic(text, schema) : references_.resolve(text, schema);
  if (!target.ok()) {
    Error error = at(pointer, target.error().message, target.error().code);
    error.hint = target.error().hint;
    return error;
  }
  ASSIGN_OR_RETURN(const Node* to, compile(*target->schema, target->pointer));
  node.references.push_back(to);
  return {};
}

Status JsonSchema::Compiler::members(Node& node, const json::value& value, const std::string& pointer) {
  if (!value.is_object()) return at(pointer, "expected an object");
  for (const json::key_value_pair& member : value.get_object()) {
    ASSIGN_OR_RETURN(node.properties[std::string(member.key())],
                     compile(member.value(), pointer + "/" + json_pointer_token(member.key())));
  }
  return {};
}

Status JsonSchema::Compiler::pattern_members(Node& node, const json::value& value, const std::string& pointer) {
  if (!value.is_object()) return at(pointer, "expected an object");
  for (const json::key_value_pair& member : value.get_object()) {
    const std::string place = pointer + "/" + json_pointer_token(member.key());
    Result<Pattern> pattern = Pattern::compile(member.key());
    if (!pattern.ok()) return at(place, pattern.error().message, pattern.error().code);
    ASSIGN_OR_RETURN(const Node* schema, compile(member.value(), place));
    node.pattern_properties.push_back({std::move(*pattern), schema});
  }
  return {};
}

Status JsonSchema::Compiler::dependencies(Node& node, const json::value& value, const std::string& pointer) {
  if (!value.is_object()) return at(pointer, "expected an object");
  for (const json::key_value_pair& member : value.get_object()) {
    const std::string place = pointer + "/" + json_pointer_token(member.key());
    Node::Dependency& dependency = node.dependencies[std::string(member.key())];
    if (member.value().is_array()) {
      ASSIGN_OR_RETURN(std::vector<std::string> required, names(member.value(), place));
      dependency.required.insert(dependency.required.end(), required.begin(), required.end());
    } else if (member.value().is_string()) {
      dependency.required.emplace_back(member.value().get_string());  // draft 3
    } else {
      ASSIGN_OR_RETURN(dependency.schema, compile(member.value(), place));
    }
  }
  return {};
}

Status JsonSchema::Compiler::items(Node& node, const json::object& schema, const json::value& value,
                                   const std::string& pointer) {
  // Draft 7: a list of items is the prefix, and additionalItems the rest; beside anything else that asserts nothing.
  const json::value* listed = schema.if_contains("items");
  const bool is_old = listed != nullptr && listed->is_array() && !schema.contains("prefixItems");
  const bool is_items = listed == &value;
  const bool is_prefix = schema.if_contains("prefixItems") == &value;
  if (is_prefix || (is_items && is_old)) {
    if (value.is_array() && value.get_array().empty()) return {};
    return parts(node.prefix_items, value, pointer);
  }
  if (is_items ? !value.is_array() : is_old) return part(node.items, value, pointer);
  return {};
}

Status JsonSchema::Compiler::pattern(Node& node, const json::value& value, const std::string& pointer) {
  if (!value.is_string()) return at(pointer, "expected a string");
  Result<Pattern> pattern = Pattern::compile(value.get_string());
  if (!pattern.ok()) return at(pointer, pattern.error().message, pattern.error().code);
  node.pattern = std::move(pattern).value();
  node.pattern_text = value.get_string();
  return {};
}

Status JsonSchema::Compiler::part(const Node*& slot, const json::value& value, const std::string& pointer) {
  ASSIGN_OR_RETURN(slot, compile(value, pointer));
  return {};
}

Status JsonSchema::Compiler::parts(std::vector<const Node*>& slots, const json::value& value,
                                   const std::string& pointer) {
  if (!value.is_array() || value.get_array().empty()) return at(pointer, "expected an array of schemas");
  for (std::size_t i = 0; i < value.get_array().size(); ++i) {
    ASSIGN_OR_RETURN(const Node* one, compile(value.get_array()[i], pointer + "/" + std::to_string(i)));
    slots.push_back(one);
  }
  return {};
}

}  // namespace mnema
