#include "inference/grammar/schema_keywords.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "inference/grammar/schema_kinds.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/pattern.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr std::string_view kCombining[] = {
    "$ref", "$dynamicRef",  "$recursiveRef",     "allOf",           "anyOf", "oneOf", "not",
    "if",   "dependencies", "dependentRequired", "dependentSchemas"};
constexpr std::string_view kOwn[] = {"type",
                                     "enum",
                                     "const",
                                     "properties",
                                     "required",
                                     "additionalProperties",
                                     "patternProperties",
                                     "propertyNames",
                                     "minProperties",
                                     "maxProperties",
                                     "items",
                                     "prefixItems",
                                     "minItems",
                                     "maxItems",
                                     "uniqueItems",
                                     "contains",
                                     "minLength",
                                     "maxLength",
                                     "pattern",
                                     "format",
                                     "minimum",
                                     "maximum",
                                     "exclusiveMinimum",
                                     "exclusiveMaximum",
                                     "multipleOf",
                                     "divisibleBy",
                                     "unevaluatedItems",
                                     "unevaluatedProperties"};

constexpr int kHopsMax = 16;
constexpr std::int64_t kWorkOfPattern = 100;  // to compile and to match
constexpr std::int64_t kWorkMax = 10'000;     // schemas and values looked at for one pair

const json::object* look_through(const json::value& schema, const JsonSchemaReferences& references) {
  const json::value* at = &schema;
  for (int hops = 0; hops < kHopsMax && at->is_object(); ++hops) {
    const json::object& object = at->get_object();
    const json::value* reference = object.if_contains("$ref");
    if (reference == nullptr || !reference->is_string() || has_own_assertion(object)) return &object;
    const auto target = references.resolve(reference->get_string(), object);
    if (!target.ok()) return nullptr;
    at = target->schema;
  }
  return nullptr;
}

/// The values a schema is limited to, if it lists them.
bool listed_values(const json::object& schema, std::vector<std::string>& out) {
  if (const json::value* value = schema.if_contains("const")) {
    out.push_back(canonical_json(*value));
    return true;
  }
  const json::value* list = schema.if_contains("enum");
  if (list == nullptr || !list->is_array()) return false;
  for (const json::value& value : list->get_array()) out.push_back(canonical_json(value));
  std::sort(out.begin(), out.end());
  return true;
}

Kinds kinds_of(const json::object& schema) {
  Kinds kinds = kAllKinds;
  if (const json::value* type = schema.if_contains("type")) kinds = kinds_of_type(*type).value_or(kAllKinds);
  Kinds listed = 0;
  if (const json::value* value = schema.if_contains("const")) {
    listed = kind_of(*value);
  } else if (const json::value* list = schema.if_contains("enum"); list != nullptr && list->is_array()) {
    for (const json::value& one : list->get_array()) listed |= kind_of(one);
  } else {
    listed = kAllKinds;
  }
  return kinds & listed;
}

/// Whether every object that is valid has this member, as the schema or its parts say.
bool requires_member(const json::object& schema, std::string_view name, const JsonSchemaReferences& references,
                     std::int64_t& work, int depth = 0) {
  if (depth > kHopsMax || --work < 0) return false;
  const json::value* required = schema.if_contains("required");
  if (required != nullptr && required->is_array() &&
      std::any_of(required->get_array().begin(), required->get_array().end(),
                  [&](const json::value& each) { return each.is_string() && each.get_string() == name; }))
    return true;
  const auto part_requires = [&](const json::value& part) {
    const json::object* seen = look_through(part, references);
    return seen != nullptr && requires_member(*seen, name, references, work, depth + 1);
  };
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const json::value* list = schema.if_contains(keyword);
    if (list == nullptr || !list->is_array() || list->get_array().empty()) continue;
    const json::array& parts = list->get_array();
    if (keyword[1] == 'l' ? std::any_of(parts.begin(), parts.end(), part_requires)
                          : std::all_of(parts.begin(), parts.end(), part_requires))
      return true;
  }
  return false;
}

/// Whether no object with a member of this name is valid.
bool forbids_member(const json::object& schema, std::string_view name, std::int64_t& work) {
  const json::value* members = schema.if_contains("properties");
  if (members != nullptr && members->is_object()) {
    if (const json::value* member = members->get_object().if_contains(name)) return *member == json::value(false);
  }
  const json::value* additional = schema.if_contains("additionalProperties");
  if (additional == nullptr || *additional != json::value(false)) return false;
  const json::value* patterns = schema.if_contains("patternProperties");
  if (patterns == nullptr) return true;
  work -= patterns->is_object() ? kWorkOfPattern * std::ssize(patterns->get_object()) : 0;
  return patterns->is_object() && work >= 0 &&
         std::none_of(patterns->get_object().begin(), patterns->get_object().end(), [&](const auto& member) {
           const Result<Pattern> pattern = Pattern::compile(member.key());
           return !pattern.ok() || pattern->search(name) != Pattern::Outcome::kNoMatch;
         });
}

bool requires_what_other_forbids(const json::object& a, const json::object& b, std::int64_t& work) {
  const json::value* required = a.if_contains("required");
  if (required == nullptr || !required->is_array()) return false;
  return std::any_of(required->get_array().begin(), required->get_array().end(), [&](const json::value& each) {
    return each.is_string() && forbids_member(b, each.get_string(), work);
  });
}

const json::object* members_of(const json::object& schema) {
  const json::value* members = schema.if_contains("properties");
  return members != nullptr ? members->if_object() : nullptr;
}

/// `required_beside`: what an object must have by other schemas.
bool disjoint(const json::value& a, const json::value& b, std::span<const std::string> required_beside,
              const JsonSchemaReferences& references, int depth, std::int64_t& work);

/// Whether the parts of `schema` that stand beside its own keywords keep it apart from `other`.
bool parts_disjoint(const json::object& schema, const json::value& other, std::span<const std::string> required_beside,
                    const JsonSchemaReferences& references, int depth, std::int64_t& work) {
  const auto is_disjoint = [&](const json::value& part) {
    return disjoint(part, other, required_beside, references, depth + 1, work);
  };
  if (const json::value* all = schema.if_contains("allOf"); all != nullptr && all->is_array()) {
    if (std::any_of(all->get_array().begin(), all->get_array().end(), is_disjoint)) return true;
  }
  for (const char* keyword : {"anyOf", "oneOf"}) {
    const json::value* any = schema.if_contains(keyword);
    if (any == nullptr || !any->is_array() || any->get_array().empty()) continue;
    if (std::all_of(any->get_array().begin(), any->get_array().end(), is_disjoint)) return true;
  }
  return false;
}

bool disjoint(const json::value& a, const json::value& b, std::span<const std::string> required_beside,
              const JsonSchemaReferences& references, int depth, std::int64_t& work) {
  if (depth > kHopsMax || --work < 0) return false;
  if (a == json::value(false) || b == json::value(false)) return true;
  const json::object* left = look_through(a, references);
  const json::object* right = look_through(b, references);
  if (left == nullptr || right == nullptr) return false;
  if ((kinds_of(*left) & kinds_of(*right)) == 0) return true;
  std::vector<std::string> left_values, right_values;
  if (listed_values(*left, left_values) && listed_values(*right, right_values)) {
    work -= static_cast<std::int64_t>(left_values.size() + right_values.size());
    std::vector<std::string> both;
    std::set_intersection(left_values.begin(), left_values.end(), right_values.begin(), right_values.end(),
                          std::back_inserter(both));
    return both.empty();
  }
  if (parts_disjoint(*left, b, required_beside, references, depth, work) ||
      parts_disjoint(*right, a, required_beside, references, depth, work))
    return true;
  if ((kinds_of(*left) & kinds_of(*right)) != kObjectKind) return false;
  if (requires_what_other_forbids(*left, *right, work) || requires_what_other_forbids(*right, *left, work)) return true;
  const json::object* left_members = members_of(*left);
  const json::object* right_members = members_of(*right);
  if (left_members == nullptr || right_members == nullptr) return false;
  return std::any_of(left_members->begin(), left_members->end(), [&](const json::key_value_pair& member) {
    const json::value* other = right_members->if_contains(member.key());
    if (other == nullptr) return false;
    const bool required =
        requires_member(*left, member.key(), references, work) ||
        requires_member(*right, member.key(), references, work) ||
        std::find(required_beside.begin(), required_beside.end(), member.key()) != required_beside.end();
    if (!required) return false;
    // Where only one requires the member, an object without it is valid under that one not at all.
    return disjoint(member.value(), *other, {}, references, depth + 1, work);
  });
}

bool contains_any(const json::object& schema, const std::string_view* begin, const std::string_view* end) {
  return std::any_of(begin, end, [&](std::string_view keyword) { return schema.contains(keyword); });
}

}  // namespace

bool has_own_assertion(const json::object& schema) { return contains_any(schema, std::begin(kOwn), std::end(kOwn)); }

bool has_assertion(const json::object& schema) {
  return has_own_assertion(schema) || contains_any(schema, std::begin(kCombining), std::end(kCombining));
}

bool evidently_disjoint(const json::value& a, const json::value& b, std::span<const std::string> required_beside,
                        const JsonSchemaReferences& references, std::int64_t& work_left) {
  std::int64_t work = std::min(work_left, kWorkMax);
  const std::int64_t before = work;
  const bool found = disjoint(a, b, required_beside, references, 0, work);
  work_left -= before - std::max<std::int64_t>(work, 0);
  return found && work_left >= 0;
}

}  // namespace mnema::grammar
