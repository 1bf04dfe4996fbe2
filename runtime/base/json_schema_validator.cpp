#include "runtime/base/json_schema_validator.hpp"

#include <algorithm>
#include <boost/json/serializer.hpp>

#include "runtime/base/json.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

// Alternatives inside alternatives could otherwise multiply to more work than anybody waits for.
constexpr std::int64_t kChecksMax = 1'000'000;
constexpr std::int64_t kBytesPerCheck = 100;  // of a value that is written down to be compared

std::string_view article_and_type(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return is_number(value) ? "a number" : "an object";
    default:
      return "a number";
  }
}

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object() && !is_number(value);
  if (!is_number(value)) return false;
  if (type == "number") return true;
  const std::optional<Decimal> number = Decimal::of(value);
  return number && number->is_integer();
}

std::string listed(const std::vector<std::string>& texts) {
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += i + 1 == texts.size() ? " or " : ", ";
    if (i == 12) return out + "one of " + std::to_string(texts.size() - i) + " more";
    out += texts[i];
  }
  return out;
}

constexpr std::size_t kShownMax = 60;

std::string shown_text(std::string text) {
  if (text.size() > kShownMax) {
    text = text.substr(0, valid_utf8_prefix(std::string_view(text).substr(0, kShownMax - 3))) + "...";
  }
  return text;
}

}  // namespace

std::string shown_json(const json::value& value) {
  // A number as people write it, not as Boost.JSON does (5E-1).
  const std::optional<Decimal> number = Decimal::of(value);
  if (number) return shown_text(number->text());
  // Not the whole of it, which may be megabytes that each alternative would write anew.
  char begin[kShownMax + 1];
  json::serializer serializer;
  serializer.reset(&value);
  return shown_text(std::string(serializer.read(begin, sizeof begin)));
}

void JsonSchema::Validator::Evaluated::add(const Evaluated& other) {
  members.insert(other.members.begin(), other.members.end());
  items.insert(other.items.begin(), other.items.end());
  all_members = all_members || other.all_members;
  all_items = all_items || other.all_items;
  items_before = std::max(items_before, other.items_before);
}

std::vector<SchemaBreach> JsonSchema::Validator::run(const Node& root, const json::value& value,
                                                     std::size_t breaches_max) {
  std::int64_t checks_left = kChecksMax;
  Validator validator(breaches_max, checks_left);
  validator.check(root, value, "", 0, nullptr);
  // What lies inside a `not` fails silently, also where the bound of work was what it failed at.
  if (checks_left <= 0 && validator.breaches_.empty())
    validator.report("", "cannot be checked within the bound of work");
  return std::move(validator.breaches_);
}

std::string JsonSchema::Validator::canonical(const json::value& value) {
  std::string text = canonical_json(value);
  checks_left_ -= static_cast<std::int64_t>(text.size()) / kBytesPerCheck;
  return text;
}

void JsonSchema::Validator::report(const std::string& pointer, std::string problem) {
  if (!full()) breaches_.push_back({pointer, std::move(problem)});
}

void JsonSchema::Validator::check(const Node& node, const json::value& value, const std::string& pointer, int depth,
                                  Evaluated* evaluated) {
  if (full()) return;
  if (--checks_left_ < 0)
    return report(pointer, "cannot be checked within the bound of work: the schema branches too much");
  if (depth > Limits{}.json_depth_max * 2) {
    checks_left_ = 0;
    return report(pointer, "is nested too deep to be checked");
  }
  if (node.never) return report(pointer, "is not allowed");
  if (!node.types.empty() && std::none_of(node.types.begin(), node.types.end(),
                                          [&](const std::string& type) { return has_type(value, type); })) {
    return report(pointer, "expected " + listed(node.types) + ", found " + std::string(article_and_type(value)) + " " +
                               shown_json(value));
  }
  if (node.choices && !node.choice_texts.contains(canonical(value)))
    report(pointer, "expected " + listed(*node.choices) + ", found " + shown_json(value));
  const bool asks = node.unevaluated_properties != nullptr || node.unevaluated_items != nullptr;
  Evaluated own;
  Evaluated* here = asks || evaluated != nullptr ? &own : nullptr;
  for (const Node* reference : node.references) check(*reference, value, pointer, depth + 1, here);
  const bool number = is_number(value);
  if (value.is_object() && !number) {
    check_object(node, value.get_object(), pointer, depth, here);
    check_dependencies(node, value, pointer, depth, here);
  }
  if (value.is_array()) check_array(node, value.get_array(), pointer, depth, here);
  if (value.is_string()) check_string(node, value.get_string(), pointer);
  if (number) check_number(node, value, pointer);
  check_combinations(node, value, pointer, depth, here);
  if (asks) check_unevaluated(node, value, pointer, depth, own);
  if (evaluated != nullptr) evaluated->add(own);
}

void JsonSchema::Validator::check_object(const Node& node, const json::object& object, const std::string& pointer,
                                         int depth, Evaluated* evaluated) {
  for (const std::string& name : node.required) {
    if (!object.contains(name)) report(pointer + "/" + json_pointer_token(name), "is missing");
  }
  for (const json::key_value_pair& member : object) {
    if (full()) return;
    const std::string place = pointer + "/" + json_pointer_token(member.key());
    if (node.property_names != nullptr)
      check(*node.property_names, json::value(member.key()), place, depth + 1, nullptr);
    bool described = false;
    if (const auto known = node.properties.find(std::string_view(member.key())); known != node.properties.end()) {
      check(*known->second, member.value(), place, depth + 1, nullptr);
      described = true;
    }
    for (const Node::PatternMembers& members : node.pattern_properties) {
      const Pattern::Outcome outcome = members.pattern.search(member.key());
      if (outcome == Pattern::Outcome::kNoMatch) continue;
      if (outcome == Pattern::Outcome::kTooCostly)
        report(place, "has a name that cannot be checked against patternProperties within its bound of work");
      check(*members.schema, member.value(), place, depth + 1, nullptr);
      described = true;
    }
    if (!described && node.additional_properties != nullptr) {
      described = true;
      if (node.additional_properties->never) {
        std::vector<std::string> names;
        for (const auto& [name, ignored] : node.properties) names.push_back("\"" + name + "\"");
        report(place, names.empty() ? "is not a known member" : "is not a known member (known: " + listed(names) + ")");
      } else {
        check(*node.additional_properties, member.value(), place, depth + 1, nullptr);
      }
    }
    if (described && evaluated != nullptr) evaluated->members.emplace(member.key());
  }
  check_count(node.properties_min, node.properties_max, static_cast<std::int64_t>(object.size()), "member", pointer);
}

void JsonSchema::Validator::check_dependencies(const Node& node, const json::value& value, const std::string& pointer,
                                               int depth, Evaluated* evaluated) {
  const json::object& object = value.get_object();
  for (const auto& [name, dependency] : node.dependencies) {
    if (!object.contains(name)) continue;
    for (const std::string& needed : dependency.required) {
      if (!object.contains(needed))
        report(pointer + "/" + json_pointer_token(needed), "is missing: it must stand beside \"" + name + "\"");
    }
    if (dependency.schema != nullptr) check(*dependency.schema, value, pointer, depth + 1, evaluated);
  }
}

void JsonSchema::Validator::check_array(const Node& node, const json::array& array, const std::string& pointer,
                                        int depth, Evaluated* evaluated) {
  for (std::size_t i = 0; i < array.size() && !full(); ++i) {
    const Node* item = i < node.prefix_items.size() ? node.prefix_items[i] : node.items;
    if (item != nullptr) check(*item, array[i], pointer + "/" + std::to_string(i), depth + 1, nullptr);
  }
  if (evaluated != nullptr) {
    evaluated->items_before = std::max(evaluated->items_before, node.prefix_items.size());
    evaluated->all_items = evaluated->all_items || node.items != nullptr;
  }
  if (node.contains != nullptr) {
    std::int64_t found = 0;
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (!try_check(*node.contains, array[i], pointer + "/" + std::to_string(i), depth, nullptr).empty()) continue;
      ++found;
      if (evaluated != nullptr) evaluated->items.insert(i);
    }
    check_count(node.contains_min.value_or(1), node.contains_max, found, "item that fits `contains`", pointer);
  }
  check_count(node.items_min, node.items_max, static_cast<std::int64_t>(array.size()), "item", pointer);
  if (!node.unique_items) return;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (!seen.insert(canonical(array[i])).second) {
      return report(pointer + "/" + std::to_string(i), "repeats an earlier item: " + shown_json(array[i]));
    }
  }
}

void JsonSchema::Validator::check_string(const Node& node, std::string_view text, const std::string& pointer) {
  if (node.length_min || node.length_max) {
    check_count(node.length_min, node.length_max, code_points(text), "character", pointer);
  }
  if (!node.pattern) return;
  const Pattern::Outcome outcome = node.pattern->search(text);
  if (outcome == Pattern::Outcome::kMatch) return;
  report(pointer, outcome == Pattern::Outcome::kNoMatch
                      ? "does not fit the pattern " + node.pattern_text
                      : "cannot be checked against the pattern " + node.pattern_text + " within its bound of work");
}

void JsonSchema::Validator::check_number(const Node& node, const json::value& value, const std::string& pointer) {
  if (!node.minimum && !node.maximum && !node.exclusive_minimum && !node.exclusive_maximum && !node.multiple_of) return;
  const std::optional<Decimal> number = Decimal::of(value);
  if (!number) return report(pointer, "is no finite number");
  const auto wrong = [&](const char* expected, const Node::Bound& bound) {
    report(pointer, std::string("expected ") + expected + " " + bound.shown + ", found " + shown_json(value));
  };
  if (node.minimum && number->compare(node.minimum->value) < 0) wrong("at least", *node.minimum);
  if (node.maximum && number->compare(node.maximum->value) > 0) wrong("at most", *node.maximum);
  if (node.exclusive_minimum && number->compare(node.exclusive_minimum->value) <= 0)
    wrong("more than", *node.exclusive_minimum);
  if (node.exclusive_maximum && number->compare(node.exclusive_maximum->value) >= 0)
    wrong("less than", *node.exclusive_maximum);
  if (node.multiple_of && !number->is_multiple_of(node.multiple_of->value)) wrong("a multiple of", *node.multiple_of);
}

void JsonSchema::Validator::check_count(const std::optional<std::int64_t>& least,
                                        const std::optional<std::int64_t>& most, std::int64_t count,
                                        const std::string& what, const std::string& pointer) {
  const auto of = [&](std::int64_t n) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
  if (least && count < *least) report(pointer, "expected at least " + of(*least) + ", found " + std::to_string(count));
  if (most && count > *most) report(pointer, "expected at most " + of(*most) + ", found " + std::to_string(count));
}

std::vector<SchemaBreach> JsonSchema::Validator::try_check(const Node& node, const json::value& value,
                                                           const std::string& pointer, int depth,
                                                           Evaluated* evaluated) const {
  Validator attempt(4, checks_left_);
  Evaluated own;
  attempt.check(node, value, pointer, depth + 1, evaluated != nullptr ? &own : nullptr);
  // What did not hold has evaluated nothing.
  if (attempt.breaches_.empty() && evaluated != nullptr) evaluated->add(own);
  return std::move(attempt.breaches_);
}

void JsonSchema::Validator::check_combinations(const Node& node, const json::value& value, const std::string& pointer,
                                               int depth, Evaluated* evaluated) {
  for (const Node* part : node.all_of) check(*part, value, pointer, depth + 1, evaluated);
  if (!node.any_of.empty()) {
    std::vector<SchemaBreach> nearest;
    bool fits = false;
    for (const Node* part : node.any_of) {
      std::vector<SchemaBreach> attempt = try_check(*part, value, pointer, depth, evaluated);
      if (attempt.empty()) {
        fits = true;
        if (evaluated == nullptr) break;
        continue;  // what the others evaluate counts too
      }
      // The nearest alternative goes wrong furthest inside the value; that is the one that was meant.
      if (nearest.empty() || attempt.front().pointer.size() > nearest.front().pointer.size())
        nearest = std::move(attempt);
    }
    if (!fits) report_alternatives(node.any_of.size(), nearest, pointer);
  }
  if (!node.one_of.empty()) {
    std::vector<SchemaBreach> nearest;
    int fitting = 0;
    for (const Node* part : node.one_of) {
      std::vector<SchemaBreach> attempt = try_check(*part, value, pointer, depth, evaluated);
      if (attempt.empty()) {
        ++fitting;
      } else if (nearest.empty() || attempt.front().pointer.size() > nearest.front().pointer.size()) {
        nearest = std::move(attempt);
      }
    }
    if (fitting == 0) report_alternatives(node.one_of.size(), nearest, pointer);
    if (fitting > 1) report(pointer, "fits " + std::to_string(fitting) + " alternatives where exactly one is wanted");
  }
  if (node.negated != nullptr && try_check(*node.negated, value, pointer, depth, nullptr).empty()) {
    report(pointer, "is of a kind that is excluded here: " + shown_json(value));
  }
  if (node.condition == nullptr) return;
  const bool holds = try_check(*node.condition, value, pointer, depth, evaluated).empty();
  if (const Node* follows = holds ? node.then : node.otherwise; follows != nullptr)
    check(*follows, value, pointer, depth + 1, evaluated);
}

void JsonSchema::Validator::check_unevaluated(const Node& node, const json::value& value, const std::string& pointer,
                                              int depth, Evaluated& evaluated) {
  const auto rest = [&](const Node& schema, const json::value& inner, const std::string& place) {
    if (schema.never) return report(place, "is described by no part of the schema");
    check(schema, inner, place, depth + 1, nullptr);
  };
  if (node.unevaluated_properties != nullptr && value.is_object() && !is_number(value) && !evaluated.all_members) {
    for (const json::key_value_pair& member : value.get_object()) {
      if (evaluated.members.contains(std::string_view(member.key()))) continue;
      rest(*node.unevaluated_properties, member.value(), pointer + "/" + json_pointer_token(member.key()));
    }
    evaluated.all_members = true;
  }
  if (node.unevaluated_items != nullptr && value.is_array() && !evaluated.all_items) {
    const json::array& array = value.get_array();
    for (std::size_t i = evaluated.items_before; i < array.size(); ++i) {
      if (!evaluated.items.contains(i)) rest(*node.unevaluated_items, array[i], pointer + "/" + std::to_string(i));
    }
    evaluated.all_items = true;
  }
}

void JsonSchema::Validator::report_alternatives(std::size_t count, const std::vector<SchemaBreach>& nearest,
                                                const std::string& pointer) {
  const SchemaBreach& first = nearest.front();
  report(pointer, "fits none of " + std::to_string(count) + " alternatives (nearest: " +
                      (first.pointer.empty() ? "" : "at " + first.pointer + " ") + first.problem + ")");
}

}  // namespace mnema
