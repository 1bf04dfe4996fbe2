#include "inference/grammar/schema_keywords.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr std::string_view kAssertions[] = {"$ref",
                                            "type",
                                            "enum",
                                            "const",
                                            "anyOf",
                                            "oneOf",
                                            "allOf",
                                            "properties",
                                            "required",
                                            "additionalProperties",
                                            "items",
                                            "prefixItems",
                                            "minItems",
                                            "maxItems",
                                            "minLength",
                                            "maxLength",
                                            "pattern",
                                            "format",
                                            "minimum",
                                            "maximum",
                                            "exclusiveMinimum",
                                            "exclusiveMaximum"};
constexpr std::string_view kImpossible[] = {"not",
                                            "if",
                                            "then",
                                            "else",
                                            "dependentSchemas",
                                            "dependentRequired",
                                            "dependencies",
                                            "patternProperties",
                                            "propertyNames",
                                            "minProperties",
                                            "maxProperties",
                                            "contains",
                                            "minContains",
                                            "maxContains",
                                            "multipleOf",
                                            "unevaluatedItems",
                                            "unevaluatedProperties",
                                            "$dynamicRef",
                                            "$recursiveRef",
                                            "additionalItems"};

enum Kinds : unsigned {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kFraction = 8,
  kString = 16,
  kArray = 32,
  kObject = 64,
  kAny = 127
};

unsigned kind_named(std::string_view type) {
  if (type == "null") return kNull;
  if (type == "boolean") return kBoolean;
  if (type == "integer") return kInteger;
  if (type == "number") return kInteger | kFraction;
  if (type == "string") return kString;
  if (type == "array") return kArray;
  if (type == "object") return kObject;
  return kAny;
}

unsigned kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kNull;
    case json::kind::bool_:
      return kBoolean;
    case json::kind::double_:
      return value.get_double() == std::floor(value.get_double()) ? kInteger | kFraction : kFraction;
    case json::kind::string:
      return kString;
    case json::kind::array:
      return kArray;
    case json::kind::object:
      return kObject;
    default:
      return kInteger;
  }
}

/// The values a schema is limited to, if it lists them.
bool listed_values(const json::object& schema, std::vector<const json::value*>& out) {
  if (const json::value* value = schema.if_contains("const")) {
    out.push_back(value);
    return true;
  }
  if (const json::value* list = schema.if_contains("enum"); list != nullptr && list->is_array()) {
    for (const json::value& value : list->get_array()) out.push_back(&value);
    return true;
  }
  return false;
}

unsigned kinds_of(const json::object& schema) {
  std::vector<const json::value*> values;
  if (listed_values(schema, values)) {
    unsigned kinds = 0;
    for (const json::value* value : values) kinds |= kind_of(*value);
    return kinds;
  }
  const json::value* type = schema.if_contains("type");
  if (type == nullptr) return kAny;
  if (type->is_string()) return kind_named(type->get_string());
  unsigned kinds = 0;
  if (type->is_array()) {
    for (const json::value& one : type->get_array()) kinds |= one.is_string() ? kind_named(one.get_string()) : kAny;
  }
  return kinds;
}

const json::object* look_through(const json::value& schema, const json::value& root) {
  const json::value* at = &schema;
  for (int hops = 0; hops < 16 && at != nullptr && at->is_object(); ++hops) {
    const json::value* reference = at->get_object().if_contains("$ref");
    if (reference == nullptr || !reference->is_string()) return &at->get_object();
    at = target_of(reference->get_string(), root);
  }
  return nullptr;
}

bool requires_member(const json::object& schema, std::string_view name) {
  const json::value* required = schema.if_contains("required");
  if (required == nullptr || !required->is_array()) return false;
  return std::any_of(required->get_array().begin(), required->get_array().end(),
                     [&](const json::value& each) { return each.is_string() && each.get_string() == name; });
}

}  // namespace

std::string_view assertion_outside(const json::object& schema, std::initializer_list<std::string_view> honoured) {
  for (const std::string_view keyword : kAssertions) {
    if (schema.contains(keyword) && std::find(honoured.begin(), honoured.end(), keyword) == honoured.end())
      return keyword;
  }
  return {};
}

std::string_view impossible_keyword(const json::object& schema) {
  for (const std::string_view keyword : kImpossible) {
    if (schema.contains(keyword)) return keyword;
  }
  const json::value* unique = schema.if_contains("uniqueItems");
  return unique != nullptr && *unique != json::value(false) ? "uniqueItems" : std::string_view{};
}

bool evidently_disjoint(const json::value& a, const json::value& b, const json::value& root) {
  const json::object* left = look_through(a, root);
  const json::object* right = look_through(b, root);
  if (left == nullptr || right == nullptr) return false;
  if ((kinds_of(*left) & kinds_of(*right)) == 0) return true;
  std::vector<const json::value*> left_values, right_values;
  if (listed_values(*left, left_values) && listed_values(*right, right_values)) {
    for (const json::value* x : left_values) {
      for (const json::value* y : right_values) {
        if (*x == *y) return false;
      }
    }
    return true;
  }
  const json::value* left_members = left->if_contains("properties");
  const json::value* right_members = right->if_contains("properties");
  if (kinds_of(*left) != kObject || kinds_of(*right) != kObject || left_members == nullptr ||
      right_members == nullptr || !left_members->is_object() || !right_members->is_object()) {
    return false;
  }
  for (const auto& [name, schema] : left_members->get_object()) {
    const json::value* other = right_members->get_object().if_contains(name);
    if (other == nullptr || !schema.is_object() || !other->is_object()) continue;
    if (!requires_member(*left, name) || !requires_member(*right, name)) continue;
    std::vector<const json::value*> ignored;
    if (!listed_values(schema.get_object(), ignored) || !listed_values(other->get_object(), ignored)) continue;
    if (evidently_disjoint(schema, *other, root)) return true;
  }
  return false;
}

const json::value* target_of(std::string_view reference, const json::value& root) {
  if (reference.empty() || reference[0] != '#') return nullptr;
  boost::system::error_code error;
  return root.find_pointer(json::string_view(reference.data() + 1, reference.size() - 1), error);
}

std::string pointer_step(std::string_view token) {
  std::string out = "/";
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace mnema::grammar
