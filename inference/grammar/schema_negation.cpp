#include "inference/grammar/schema_negation.hpp"

#include <algorithm>
#include <array>

#include "inference/grammar/schema_reader.hpp"
#include "inference/grammar/string_format.hpp"
#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

/// Keywords that only mean something together: one negation each. The first names the group.
constexpr std::array<std::array<const char*, 3>, 7> kGroups{{
    {"properties", "patternProperties", "additionalProperties"},
    {"items", "prefixItems", "additionalItems"},
    {"if", "then", "else"},
    {"contains", "minContains", "maxContains"},
    {"minimum", "exclusiveMinimum", ""},
    {"maximum", "exclusiveMaximum", ""},
    {"dependencies", "dependentRequired", "dependentSchemas"},
}};
constexpr const char* kSingles[] = {"$ref",   "type",     "enum",       "const",         "not",           "allOf",
                                    "anyOf",  "oneOf",    "multipleOf", "minLength",     "maxLength",     "pattern",
                                    "format", "minItems", "maxItems",   "minProperties", "maxProperties", "required"};
/// Keywords whose negation is left out.
constexpr const char* kLeftOut[] = {"uniqueItems", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
                                    "$dynamicRef", "$recursiveRef", "divisibleBy"};

class Negator {
 public:
  Negator(const Term& term, const JsonSchemaReferences& references)
      : term_(term), schema_(term.schema->get_object()), references_(references) {}

  Result<Negation> run() {
    std::vector<std::string> groups;
    for (const auto& group : kGroups) {
      const bool stands =
          std::any_of(group.begin(), group.end(), [&](const char* k) { return *k != 0 && schema_.contains(k); });
      // Without an `if`, then and else say nothing; without `contains`, nor do its counts.
      const bool headless = (group[0][0] == 'i' && group[0][1] == 'f') || group[0] == std::string_view("contains");
      if (stands && (!headless || schema_.contains(group[0]))) groups.emplace_back(group[0]);
    }
    for (const char* keyword : kSingles) {
      if (schema_.contains(keyword)) groups.emplace_back(keyword);
    }
    for (const char* keyword : kLeftOut) {
      const json::value* value = schema_.if_contains(keyword);
      if (value != nullptr && *value != json::value(false)) found_.complete = false;
    }
    for (const std::string& group : groups) {
      RETURN_IF_ERROR(add(group));
    }
    return std::move(found_);
  }

 private:
  Shape of_kinds(Kinds kinds) const {
    Shape shape;
    shape.kinds = kinds;
    shape.pointer = term_.pointer;
    return shape;
  }
  void offer(Shape shape, Terms terms = {}) { found_.options.push_back({std::move(shape), std::move(terms)}); }
  /// A schema inside this one, for the same value.
  Term part(const json::value& schema, bool negated, const std::string& step) const {
    Term made;
    made.schema = &schema;
    made.negated = negated;
    made.pointer = term_.pointer + step;
    made.scopes = term_.scopes;
    made.through = term_.through;
    return made;
  }
  static Term inverted(Term term) {
    term.negated = !term.negated;
    return term;
  }

  Status add(const std::string& group) {
    if (group == "$ref") return add_reference();
    if (group == "type") {
      const std::optional<Kinds> kinds = kinds_of_type(schema_.at("type"));
      if (!kinds) return schema_refused(ErrorCode::kInvalidArgument, "type names no type", term_.pointer + "/type");
      offer(of_kinds(kAllKinds & ~*kinds));
      return {};
    }
    if (group == "enum" || group == "const") {
      Shape shape = of_kinds(kAllKinds);
      const json::value& value = schema_.at(group);
      if (group == "const") {
        shape.excluded.push_back(&value);
      } else if (value.is_array()) {
        for (const json::value& one : value.get_array()) shape.excluded.push_back(&one);
      }
      offer(std::move(shape));
      return {};
    }
    if (group == "not") {
      offer({}, {part(schema_.at("not"), false, "/not")});
      return {};
    }
    if (group == "allOf" || group == "anyOf" || group == "oneOf") return add_combination(group);
    if (group == "if") {
      Term condition = part(schema_.at("if"), false, "/if");
      if (const json::value* then = schema_.if_contains("then")) offer({}, {condition, part(*then, true, "/then")});
      if (const json::value* other = schema_.if_contains("else"))
        offer({}, {inverted(condition), part(*other, true, "/else")});
      return {};
    }
    if (group == "minimum" || group == "maximum" || group == "multipleOf") return add_number(group);
    if (group == "minLength" || group == "maxLength" || group == "minItems" || group == "maxItems" ||
        group == "minProperties" || group == "maxProperties")
      return add_count(group);
    if (group == "pattern" || group == "format") {
      const json::value& text = schema_.at(group);
      const bool is_format = group == "format";
      if (!text.is_string() || (is_format && pattern_of_format(text.get_string()).empty())) return {};
      if (is_format && !is_whole_format(text.get_string())) return left_out();
      Shape shape = of_kinds(kStringKind);
      shape.strings.push_back({std::string(text.get_string()), is_format, true, term_.pointer + "/" + group});
      offer(std::move(shape));
      return {};
    }
    if (group == "required") return add_required();
    if (group == "properties") return add_members();
    if (group == "items") return add_items();
    if (group == "contains") return add_contains();
    return add_dependencies();
  }

  Status left_out() {
    found_.complete = false;
    return {};
  }

  Status add_reference() {
    const json::value& reference = schema_.at("$ref");
    if (!reference.is_string()) return schema_refused(ErrorCode::kInvalidArgument, "$ref is no string", term_.pointer);
    const auto target = references_.resolve(reference.get_string(), schema_);
    if (!target.ok()) return schema_refused(target.error().code, target.error().message, term_.pointer);
    if (std::find(term_.through.begin(), term_.through.end(), target->schema) != term_.through.end())
      return schema_refused(ErrorCode::kInvalidArgument, "the schema refers to itself for the same value",
                            term_.pointer);
    Term to = part(*target->schema, true, "");
    to.pointer = target->pointer;
    to.through.push_back(target->schema);
    offer({}, {std::move(to)});
    return {};
  }

  Status add_combination(const std::string& keyword) {
    const json::value& list = schema_.at(keyword);
    if (!list.is_array() || list.get_array().empty())
      return schema_refused(ErrorCode::kInvalidArgument, keyword + " is a list with at least one schema",
                            term_.pointer + "/" + keyword);
    Terms parts;
    for (std::size_t i = 0; i < list.get_array().size(); ++i)
      parts.push_back(part(list.get_array()[i], true, "/" + keyword + "/" + std::to_string(i)));
    if (keyword == "allOf") {
      for (Term& one : parts) offer({}, {std::move(one)});
      return {};
    }
    offer({}, parts);
    if (keyword == "anyOf") return {};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) offer({}, {inverted(parts[k]), inverted(parts[i])});
    }
    return {};
  }

  Status add_number(const std::string& group) {
    Shape said;
    Term positive = term_;
    positive.negated = false;
    RETURN_IF_ERROR(read_keywords(positive, said));
    Shape shape = of_kinds(kNumberKinds);
    if (group == "minimum" && said.low) {
      shape.high = NumberBound{said.low->value, !said.low->excluded};
      offer(std::move(shape));
    } else if (group == "maximum" && said.high) {
      shape.low = NumberBound{said.high->value, !said.high->excluded};
      offer(std::move(shape));
    } else if (group == "multipleOf") {
      for (const MultipleRule& rule : said.multiples) {
        Shape one = shape;
        one.multiples.push_back({rule.of, true, rule.pointer});
        offer(std::move(one));
      }
    }
    return {};
  }

  Status add_count(const std::string& group) {
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> count, read_count(schema_, group.c_str(), term_.pointer));
    const bool least = group[1] == 'i';
    if (!count || (least && *count == 0)) return {};
    const std::string of = group.substr(3);
    Shape shape = of_kinds(of == "Length" ? kStringKind : of == "Items" ? kArrayKind : kObjectKind);
    std::int64_t& min = of == "Length" ? shape.length_min : of == "Items" ? shape.items_min : shape.members_min;
    std::optional<std::int64_t>& max = of == "Length"  ? shape.length_max
                                       : of == "Items" ? shape.items_max
                                                       : shape.members_max;
    if (least) {
      max = *count - 1;
    } else {
      min = *count + 1;
    }
    offer(std::move(shape));
    return {};
  }

  Shape without_member(const std::string& name) const {
    Shape shape = of_kinds(kObjectKind);
    shape.members.push_back({{{name, false_term()}}, {}, {}});
    return shape;
  }

  Status add_required() {
    if (schema_.at("required").is_bool()) return {};
    ASSIGN_OR_RETURN(const std::vector<std::string> names,
                     read_names(schema_.at("required"), term_.pointer + "/required"));
    for (const std::string& name : names) offer(without_member(name));
    return {};
  }

  Status add_members() {
    ASSIGN_OR_RETURN(MemberRules rules, read_members(schema_, term_.pointer));
    for (const auto& [name, term] : rules.properties) {
      if (*term.schema == json::value(true)) continue;  // never wrong
      Shape shape = of_kinds(kObjectKind);
      shape.required.push_back(name);
      shape.members.push_back({{{name, inverted(term)}}, {}, {}});
      offer(std::move(shape));
    }
    if (!rules.patterns.empty()) found_.complete = false;
    if (!rules.additional || !rules.patterns.empty()) return {};
    if (*rules.additional->schema != json::value(false)) {
      if (*rules.additional->schema != json::value(true)) found_.complete = false;
      return {};
    }
    Shape shape = of_kinds(kObjectKind);
    shape.others_needed.push_back(std::move(rules));
    offer(std::move(shape));
    return {};
  }

  Status add_items() {
    ASSIGN_OR_RETURN(const ItemRules rules, read_items(schema_, term_.pointer));
    for (std::size_t i = 0; i < rules.prefix.size(); ++i) {
      Shape shape = of_kinds(kArrayKind);
      shape.items_min = static_cast<std::int64_t>(i) + 1;
      ItemRules wrong;
      wrong.prefix.assign(i, true_term());
      wrong.prefix.push_back(inverted(rules.prefix[i]));
      shape.items.push_back(std::move(wrong));
      offer(std::move(shape));
    }
    if (!rules.rest) return {};
    Shape shape = of_kinds(kArrayKind);
    if (*rules.rest->schema == json::value(false)) {
      shape.items_min = static_cast<std::int64_t>(rules.prefix.size()) + 1;
    } else if (rules.prefix.empty()) {
      shape.contains.push_back({inverted(*rules.rest), 1, {}});
    } else {
      return left_out();
    }
    offer(std::move(shape));
    return {};
  }

  Status add_contains() {
    const json::value* min = schema_.if_contains("minContains");
    if (min != nullptr && *min != json::value(1)) return left_out();
    if (schema_.contains("maxContains")) found_.complete = false;
    Shape shape = of_kinds(kArrayKind);
    shape.items.push_back({{}, part(schema_.at("contains"), true, "/contains")});
    offer(std::move(shape));
    return {};
  }

  Status add_dependencies() {
    for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      const json::value* all = schema_.if_contains(keyword);
      if (all == nullptr || !all->is_object()) continue;
      for (const auto& [name, dependency] : all->get_object()) {
        Shape shape = of_kinds(kObjectKind);
        shape.required.emplace_back(name);
        if (!dependency.is_array()) {
          offer(shape, {part(dependency, true, std::string("/") + keyword + "/" + json_pointer_token(name))});
          continue;
        }
        for (const json::value& needed : dependency.get_array()) {
          if (!needed.is_string()) continue;
          Shape lacking = without_member(std::string(needed.get_string()));
          lacking.merge(shape);
          offer(std::move(lacking));
        }
      }
    }
    return {};
  }

  const Term& term_;
  const json::object& schema_;
  const JsonSchemaReferences& references_;
  Negation found_;
};

}  // namespace

Result<Negation> negation_of(const Term& term, const JsonSchemaReferences& references) {
  if (term.schema->is_bool()) {
    Negation found;
    if (!term.schema->get_bool()) found.options.emplace_back();
    return found;
  }
  if (!term.schema->is_object())
    return schema_refused(ErrorCode::kInvalidArgument, "a schema is an object or a boolean", term.pointer);
  return Negator(term, references).run();
}

}  // namespace mnema::grammar
