#include "inference/grammar/schema_reader.hpp"

#include <algorithm>

#include "inference/grammar/string_format.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr std::int64_t kCountMax = 1'000'000'000;  // more is as good as no bound, or none that is met

bool has(const json::object& schema, std::initializer_list<const char*> keywords) {
  return std::any_of(keywords.begin(), keywords.end(), [&](const char* keyword) { return schema.contains(keyword); });
}

Result<Decimal> decimal_of(const json::value& value, const std::string& pointer) {
  const std::optional<Decimal> number = Decimal::of(value);
  if (!number) return schema_refused(ErrorCode::kInvalidArgument, "expected a number", pointer);
  const auto digits = static_cast<std::int64_t>(number->digits().size());
  if (digits + std::max<std::int64_t>(0, number->exponent()) > kBoundDigitsMax ||
      digits - number->exponent() > 2 * kBoundDigitsMax) {
    return schema_refused(ErrorCode::kUnsupported, "a number of so many digits cannot be enforced here", pointer);
  }
  return *number;
}

Status read_numbers(const json::object& schema, const std::string& pointer, Shape& shape) {
  // A bound that no number of 40 digits reaches bounds nothing that is written.
  const auto is_open = [&](const char* keyword, bool upper) {
    const json::value* value = schema.if_contains(keyword);
    const std::optional<Decimal> number = value != nullptr ? Decimal::of(*value) : std::nullopt;
    return number && number->places() > kBoundDigitsMax && number->is_negative() != upper;
  };
  for (const auto& [keyword, exclusive, upper] :
       {std::tuple{"minimum", "exclusiveMinimum", false}, std::tuple{"maximum", "exclusiveMaximum", true}}) {
    const auto bound = [&](const NumberBound& one) { upper ? shape.lower_high(one) : shape.raise_low(one); };
    const json::value* other = schema.if_contains(exclusive);
    if (!is_open(keyword, upper)) {
      ASSIGN_OR_RETURN(const std::optional<Decimal> number, read_number(schema, keyword, pointer));
      // Draft 4: exclusiveMinimum is a flag beside minimum.
      if (number) bound({*number, other != nullptr && *other == json::value(true)});
    }
    if (other == nullptr || other->is_bool() || is_open(exclusive, upper)) continue;
    ASSIGN_OR_RETURN(const std::optional<Decimal> number, read_number(schema, exclusive, pointer));
    if (number) bound({*number, true});
  }
  for (const char* keyword : {"multipleOf", "divisibleBy"}) {
    ASSIGN_OR_RETURN(const std::optional<Decimal> of, read_number(schema, keyword, pointer));
    if (!of) continue;
    if (of->is_zero() || of->is_negative())
      return schema_refused(ErrorCode::kInvalidArgument, "expected a number above 0", pointer + "/" + keyword);
    shape.multiples.push_back({*of, false, pointer + "/" + keyword});
  }
  return {};
}

Status read_strings(const json::object& schema, const std::string& pointer, Shape& shape) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> min, read_count(schema, "minLength", pointer));
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> max, read_count(schema, "maxLength", pointer));
  Shape lengths;
  lengths.length_min = min.value_or(0);
  lengths.length_max = max;
  shape.merge(lengths);
  for (const char* keyword : {"pattern", "format"}) {
    const json::value* value = schema.if_contains(keyword);
    if (value == nullptr) continue;
    const bool is_format = keyword[0] == 'f';
    if (!value->is_string()) {
      if (is_format) continue;
      return schema_refused(ErrorCode::kInvalidArgument, "pattern is a string", pointer + "/pattern");
    }
    const std::string text(value->get_string());
    if (is_format && pattern_of_format(text).empty()) {
      shape.notes.push_back("format '" + text.substr(0, valid_utf8_prefix(text.substr(0, 40))) +
                            "' is taken for an annotation, at " + pointer + "/format");
      continue;
    }
    shape.strings.push_back({text, is_format, false, pointer + "/" + keyword});
  }
  return {};
}

}  // namespace

Error schema_refused(ErrorCode code, const std::string& what, const std::string& pointer, std::string hint) {
  return fail(code, "JSON schema: " + what + ", at " + (pointer.empty() ? "the root" : pointer), std::move(hint));
}

Result<std::optional<std::int64_t>> read_count(const json::object& schema, const char* keyword,
                                               const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value == nullptr) return std::optional<std::int64_t>();
  const std::optional<Decimal> number = Decimal::of(*value);
  if (!number || number->is_negative() || !number->is_integer())
    return schema_refused(ErrorCode::kInvalidArgument, "a count is a whole number from 0", pointer + "/" + keyword);
  if (kCountMax < number->places() || Decimal(kCountMax) < *number) return std::optional<std::int64_t>(kCountMax);
  return std::optional<std::int64_t>(std::stoll(number->whole_digits()));
}

Result<std::optional<Decimal>> read_number(const json::object& schema, const char* keyword,
                                           const std::string& pointer) {
  const json::value* value = schema.if_contains(keyword);
  if (value == nullptr) return std::optional<Decimal>();
  ASSIGN_OR_RETURN(const Decimal number, decimal_of(*value, pointer + "/" + keyword));
  return std::optional<Decimal>(number);
}

Result<std::vector<std::string>> read_names(const json::value& list, const std::string& pointer) {
  if (!list.is_array()) return schema_refused(ErrorCode::kInvalidArgument, "expected a list of names", pointer);
  std::vector<std::string> names;
  for (const json::value& name : list.get_array()) {
    if (!name.is_string()) return schema_refused(ErrorCode::kInvalidArgument, "expected a list of names", pointer);
    names.emplace_back(name.get_string());
  }
  return names;
}

Result<MemberRules> read_members(const json::object& schema, const std::string& pointer) {
  MemberRules rules;
  for (const auto& [keyword, slot] :
       {std::pair{"properties", &rules.properties}, std::pair{"patternProperties", &rules.patterns}}) {
    const json::value* members = schema.if_contains(keyword);
    if (members == nullptr) continue;
    const std::string at = pointer + "/" + keyword;
    if (!members->is_object())
      return schema_refused(ErrorCode::kInvalidArgument, std::string(keyword) + " is an object", at);
    for (const auto& [name, value] : members->get_object()) {
      Term term{&value};
      term.pointer = at + "/" + json_pointer_token(name);
      slot->emplace_back(name, std::move(term));
    }
  }
  if (const json::value* additional = schema.if_contains("additionalProperties")) {
    rules.additional = Term{additional};
    rules.additional->pointer = pointer + "/additionalProperties";
  }
  return rules;
}

Result<ItemRules> read_items(const json::object& schema, const std::string& pointer) {
  ItemRules rules;
  const auto list = [&](const json::value& prefix, const std::string& at) {
    for (std::size_t i = 0; i < prefix.get_array().size(); ++i) {
      rules.prefix.push_back({&prefix.get_array()[i]});
      rules.prefix.back().pointer = at + "/" + std::to_string(i);
    }
  };
  const auto rest = [&](const json::value& value, const char* keyword) {
    rules.rest = Term{&value};
    rules.rest->pointer = pointer + "/" + keyword;
  };
  const json::value* items = schema.if_contains("items");
  if (const json::value* prefix = schema.if_contains("prefixItems")) {
    if (!prefix->is_array())
      return schema_refused(ErrorCode::kInvalidArgument, "prefixItems is a list", pointer + "/prefixItems");
    list(*prefix, pointer + "/prefixItems");
    if (items != nullptr && !items->is_array()) rest(*items, "items");
  } else if (items != nullptr && items->is_array()) {
    // Draft 7: a list of items is the prefix, and additionalItems the rest; beside anything else that asserts nothing.
    list(*items, pointer + "/items");
    if (const json::value* more = schema.if_contains("additionalItems")) rest(*more, "additionalItems");
  } else if (items != nullptr) {
    rest(*items, "items");
  }
  return rules;
}

Status read_keywords(const Term& term, Shape& shape) {
  const json::object& schema = term.schema->get_object();
  const std::string& pointer = term.pointer;
  if (shape.pointer.empty()) shape.pointer = pointer;
  Shape own;
  if (const json::value* type = schema.if_contains("type")) {
    const std::optional<Kinds> kinds = kinds_of_type(*type);
    if (!kinds) {
      return schema_refused(ErrorCode::kInvalidArgument, "type is the name of a type or a list of names",
                            pointer + "/type");
    }
    own.kinds = *kinds;
  }
  if (const json::value* value = schema.if_contains("const")) {
    Shape one;
    one.values.emplace().push_back(value);
    own.merge(one);
  }
  if (const json::value* list = schema.if_contains("enum")) {
    if (!list->is_array())
      return schema_refused(ErrorCode::kInvalidArgument, "enum is a list with at least one value", pointer + "/enum");
    Shape listed;
    listed.values.emplace();
    for (const json::value& value : list->get_array()) listed.values->push_back(&value);
    own.merge(listed);
  }
  if (has(schema, {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "divisibleBy"}))
    RETURN_IF_ERROR(read_numbers(schema, pointer, own));
  if (has(schema, {"minLength", "maxLength", "pattern", "format"})) RETURN_IF_ERROR(read_strings(schema, pointer, own));
  if (has(schema, {"items", "prefixItems"})) {
    ASSIGN_OR_RETURN(ItemRules rules, read_items(schema, pointer));
    own.items.push_back(std::move(rules));
  }
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> items_min, read_count(schema, "minItems", pointer));
  ASSIGN_OR_RETURN(own.items_max, read_count(schema, "maxItems", pointer));
  own.items_min = items_min.value_or(0);
  if (const json::value* unique = schema.if_contains("uniqueItems"); unique != nullptr && *unique == json::value(true))
    own.unique_at = pointer + "/uniqueItems";
  if (const json::value* item = schema.if_contains("contains")) {
    ContainsRule rule;
    rule.item = Term{item};
    rule.item.pointer = pointer + "/contains";
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> min, read_count(schema, "minContains", pointer));
    ASSIGN_OR_RETURN(rule.max, read_count(schema, "maxContains", pointer));
    rule.min = min.value_or(1);
    own.contains.push_back(std::move(rule));
  }
  if (has(schema, {"properties", "patternProperties", "additionalProperties"})) {
    ASSIGN_OR_RETURN(MemberRules rules, read_members(schema, pointer));
    own.members.push_back(std::move(rules));
  }
  if (const json::value* required = schema.if_contains("required"); required != nullptr && !required->is_bool()) {
    ASSIGN_OR_RETURN(own.required, read_names(*required, pointer + "/required"));
  }
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> members_min, read_count(schema, "minProperties", pointer));
  ASSIGN_OR_RETURN(own.members_max, read_count(schema, "maxProperties", pointer));
  own.members_min = members_min.value_or(0);
  if (const json::value* names = schema.if_contains("propertyNames")) {
    own.names.push_back(Term{names});
    own.names.back().pointer = pointer + "/propertyNames";
  }
  shape.merge(own);
  return {};
}

}  // namespace mnema::grammar
