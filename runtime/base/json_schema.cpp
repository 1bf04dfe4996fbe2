#include "runtime/base/json_schema.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "runtime/base/json.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/pattern.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

// Alternatives inside alternatives could otherwise multiply to more work than anybody waits for.
constexpr int kChecksMax = 1'000'000;

constexpr std::string_view kAnnotations[] = {
    "title",     "description", "default",          "examples",       "format",   "$schema",
    "$id",       "$comment",    "$anchor",          "$defs",          "readOnly", "definitions",
    "writeOnly", "deprecated",  "contentMediaType", "contentEncoding"};

std::string shown(const json::value& value) {
  std::string text = json::serialize(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

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
      return "an object";
    default:
      return "a number";
  }
}

bool is_integer(const json::value& value) {
  if (value.is_double())
    return std::isfinite(value.get_double()) && value.get_double() == std::trunc(value.get_double());
  return value.is_int64() || value.is_uint64();
}

/// Less than 0, 0, more than 0. Integers are compared exactly, also beyond 2^53.
int compare_numbers(const json::value& a, const json::value& b) {
  const auto sign_of = [](auto x, auto y) { return x < y ? -1 : (x > y ? 1 : 0); };
  if (a.is_int64() && b.is_int64()) return sign_of(a.get_int64(), b.get_int64());
  if (a.is_uint64() && b.is_uint64()) return sign_of(a.get_uint64(), b.get_uint64());
  if (a.is_int64() && b.is_uint64())
    return a.get_int64() < 0 ? -1 : sign_of(a.to_number<std::uint64_t>(), b.get_uint64());
  if (a.is_uint64() && b.is_int64()) return -compare_numbers(b, a);
  return sign_of(a.to_number<double>(), b.to_number<double>());
}

bool is_multiple(const json::value& value, const json::value& of) {
  if (value.is_int64() && of.is_int64()) return of.get_int64() == -1 || value.get_int64() % of.get_int64() == 0;
  // 0.3 is a multiple of 0.1 for everybody but the bits.
  const double quotient = value.to_number<double>() / of.to_number<double>();
  return std::isfinite(quotient) &&
         std::abs(quotient - std::round(quotient)) <= 1e-9 * std::max(1.0, std::abs(quotient));
}

std::int64_t code_points(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

bool has_type(const json::value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return type == "integer" ? is_integer(value) : value.is_number();
}

}  // namespace

/// One sub-schema, ready to be checked.
struct JsonSchema::Node {
  bool never = false;  // the schema `false`
  std::vector<std::string> types;
  std::optional<std::vector<json::value>> choices;  // enum, const
  std::set<std::string> choice_texts;               // canonical
  const Node* reference = nullptr;

  std::map<std::string, const Node*, std::less<>> properties;
  std::vector<std::string> required;
  const Node* additional_properties = nullptr;
  const Node* property_names = nullptr;
  std::vector<const Node*> prefix_items;
  const Node* items = nullptr;
  bool unique_items = false;
  // minProperties, maxProperties, minItems, maxItems, minLength, maxLength
  std::optional<std::int64_t> properties_min, properties_max, items_min, items_max, length_min, length_max;
  std::optional<json::value> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
  std::optional<Pattern> pattern;
  std::string pattern_text;
  std::vector<const Node*> all_of, any_of, one_of;
  const Node* negated = nullptr;
};

struct JsonSchema::Compiler {
  JsonSchema& schema;
  const json::value& root;
  std::map<std::string, Node*> done;  // by pointer; a node is here before its parts, so that references may be circular

  static Error at(const std::string& pointer, const std::string& problem) {
    return fail(ErrorCode::kInvalidArgument, "JSON schema at '" + (pointer.empty() ? "/" : pointer) + "': " + problem);
  }

  Result<const Node*> compile(const json::value& value, const std::string& pointer) {
    if (const auto found = done.find(pointer); found != done.end()) return found->second;
    if (pointer.size() > 4096) return at(pointer.substr(0, 60) + "...", "nested too deep");
    schema.nodes_.push_back(std::make_unique<Node>());
    Node* node = done[pointer] = schema.nodes_.back().get();
    if (value.is_bool()) {
      node->never = !value.get_bool();
      return node;
    }
    if (!value.is_object()) return at(pointer, "expected an object or a boolean, found " + shown(value));
    for (const json::key_value_pair& member : value.get_object()) {
      RETURN_IF_ERROR(keyword(*node, member.key(), member.value(), pointer + "/" + json_pointer_token(member.key())));
    }
    return node;
  }

  Status keyword(Node& node, std::string_view name, const json::value& value, const std::string& pointer) {
    if (name == "type") return types(node, value, pointer);
    if (name == "enum" || name == "const") return choices(node, name == "const", value, pointer);
    if (name == "$ref") return reference(node, value, pointer);
    if (name == "properties") return properties(node, value, pointer);
    if (name == "required") return required(node, value, pointer);
    if (name == "additionalProperties") return part(node.additional_properties, value, pointer);
    if (name == "propertyNames") return part(node.property_names, value, pointer);
    if (name == "prefixItems") return parts(node.prefix_items, value, pointer);
    if (name == "items") return part(node.items, value, pointer);
    if (name == "allOf") return parts(node.all_of, value, pointer);
    if (name == "anyOf") return parts(node.any_of, value, pointer);
    if (name == "oneOf") return parts(node.one_of, value, pointer);
    if (name == "not") return part(node.negated, value, pointer);
    if (name == "uniqueItems") {
      if (!value.is_bool()) return at(pointer, "expected true or false");
      node.unique_items = value.get_bool();
      return {};
    }
    if (name == "pattern") {
      if (!value.is_string()) return at(pointer, "expected a string");
      Result<Pattern> pattern = Pattern::compile(value.get_string());
      if (!pattern.ok()) return at(pointer, pattern.error().message);
      node.pattern = std::move(pattern).value();
      node.pattern_text = value.get_string();
      return {};
    }
    if (name == "minProperties") return count(node.properties_min, value, pointer);
    if (name == "maxProperties") return count(node.properties_max, value, pointer);
    if (name == "minItems") return count(node.items_min, value, pointer);
    if (name == "maxItems") return count(node.items_max, value, pointer);
    if (name == "minLength") return count(node.length_min, value, pointer);
    if (name == "maxLength") return count(node.length_max, value, pointer);
    if (name == "minimum") return number(node.minimum, value, pointer);
    if (name == "maximum") return number(node.maximum, value, pointer);
    if (name == "exclusiveMinimum") return number(node.exclusive_minimum, value, pointer);
    if (name == "exclusiveMaximum") return number(node.exclusive_maximum, value, pointer);
    if (name == "multipleOf") {
      RETURN_IF_ERROR(number(node.multiple_of, value, pointer));
      return node.multiple_of->to_number<double>() > 0 ? Status() : at(pointer, "expected a number above 0");
    }
    if (std::find(std::begin(kAnnotations), std::end(kAnnotations), name) != std::end(kAnnotations) ||
        name.substr(0, 2) == "x-") {
      return {};
    }
    return fail(ErrorCode::kUnsupported,
                "JSON schema at '" + pointer + "': the keyword \"" + std::string(name) + "\" is not supported",
                "the list of keywords is in runtime/base/json_schema.hpp; leaving one unchecked would be worse");
  }

  Status types(Node& node, const json::value& value, const std::string& pointer) {
    static constexpr std::string_view kTypes[] = {"null", "boolean", "string", "array", "object", "integer", "number"};
    const json::array one{value};
    for (const json::value& type : value.is_array() ? value.get_array() : one) {
      if (!type.is_string() || std::find(std::begin(kTypes), std::end(kTypes), type.get_string()) == std::end(kTypes)) {
        return at(pointer, "there is no type " + shown(type));
      }
      node.types.emplace_back(type.get_string());
    }
    return {};
  }

  Status choices(Node& node, bool single, const json::value& value, const std::string& pointer) {
    if (!single && !value.is_array()) return at(pointer, "expected an array");
    // `const` beside `enum` narrows it; both together are rare enough to say so.
    if (node.choices) return at(pointer, "enum and const do not stand together here");
    node.choices.emplace();
    if (single) {
      node.choices->push_back(value);
    } else {
      node.choices->assign(value.get_array().begin(), value.get_array().end());
    }
    for (const json::value& choice : *node.choices) node.choice_texts.insert(canonical_json(choice));
    return {};
  }

  Status reference(Node& node, const json::value& value, const std::string& pointer) {
    if (!value.is_string() || value.get_string().empty() || value.get_string().front() != '#') {
      return at(pointer, "only references inside the schema (\"#/$defs/...\") are followed, found " + shown(value));
    }
    const std::string target(value.get_string().subview(1));
    boost::system::error_code error;
    const json::value* place = root.find_pointer(target, error);
    if (place == nullptr) return at(pointer, "the reference " + shown(value) + " leads nowhere");
    ASSIGN_OR_RETURN(node.reference, compile(*place, target));
    return {};
  }

  Status properties(Node& node, const json::value& value, const std::string& pointer) {
    if (!value.is_object()) return at(pointer, "expected an object");
    for (const json::key_value_pair& member : value.get_object()) {
      ASSIGN_OR_RETURN(node.properties[std::string(member.key())],
                       compile(member.value(), pointer + "/" + json_pointer_token(member.key())));
    }
    return {};
  }

  Status required(Node& node, const json::value& value, const std::string& pointer) {
    if (!value.is_array()) return at(pointer, "expected an array");
    for (const json::value& name : value.get_array()) {
      if (!name.is_string()) return at(pointer, "expected strings");
      node.required.emplace_back(name.get_string());
    }
    return {};
  }

  Status part(const Node*& slot, const json::value& value, const std::string& pointer) {
    ASSIGN_OR_RETURN(slot, compile(value, pointer));
    return {};
  }

  Status parts(std::vector<const Node*>& slots, const json::value& value, const std::string& pointer) {
    if (!value.is_array() || value.get_array().empty()) return at(pointer, "expected an array of schemas");
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      ASSIGN_OR_RETURN(slots.emplace_back(), compile(value.get_array()[i], pointer + "/" + std::to_string(i)));
    }
    return {};
  }

  static Status count(std::optional<std::int64_t>& slot, const json::value& value, const std::string& pointer) {
    // Also what is larger than any count is refused here: to_number throws without an error code.
    boost::system::error_code error;
    const auto given = value.is_number() ? value.to_number<std::int64_t>(error) : std::int64_t{-1};
    if (error || given < 0) return at(pointer, "expected an integer of at least 0");
    slot = given;
    return {};
  }

  static Status number(std::optional<json::value>& slot, const json::value& value, const std::string& pointer) {
    if (!value.is_number()) return at(pointer, "expected a number");
    slot = value;
    return {};
  }
};

struct JsonSchema::Validator {
  std::size_t breaches_max;
  int& checks_left;
  std::vector<SchemaBreach> breaches;

  void report(const std::string& pointer, std::string problem) {
    if (breaches.size() < breaches_max) breaches.push_back({pointer, std::move(problem)});
  }
  [[nodiscard]] bool full() const { return breaches.size() >= breaches_max; }

  void check(const Node& node, const json::value& value, const std::string& pointer, int depth) {
    if (full()) return;
    if (--checks_left < 0)
      return report(pointer, "cannot be checked within the bound of work: the schema branches too much");
    if (depth > Limits{}.json_depth_max * 2) {
      checks_left = 0;
      return report(pointer, "is nested too deep to be checked");
    }
    if (node.never) return report(pointer, "is not allowed");
    if (!node.types.empty() && std::none_of(node.types.begin(), node.types.end(),
                                            [&](const std::string& type) { return has_type(value, type); })) {
      return report(pointer, "expected " + listed(node.types) + ", found " + std::string(article_and_type(value)) +
                                 " " + shown(value));
    }
    if (node.choices && !node.choice_texts.contains(canonical_json(value))) {
      std::vector<std::string> texts;
      for (const json::value& choice : *node.choices) texts.push_back(shown(choice));
      report(pointer, "expected " + listed(texts) + ", found " + shown(value));
    }
    if (node.reference != nullptr) check(*node.reference, value, pointer, depth + 1);
    if (value.is_object()) check_object(node, value.get_object(), pointer, depth);
    if (value.is_array()) check_array(node, value.get_array(), pointer, depth);
    if (value.is_string()) check_string(node, value.get_string(), pointer);
    if (value.is_number()) check_number(node, value, pointer);
    check_combinations(node, value, pointer, depth);
  }

  static std::string listed(const std::vector<std::string>& texts) {
    std::string out;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) out += i + 1 == texts.size() ? " or " : ", ";
      if (i == 12) return out + "one of " + std::to_string(texts.size() - i) + " more";
      out += texts[i];
    }
    return out;
  }

  void check_object(const Node& node, const json::object& object, const std::string& pointer, int depth) {
    for (const std::string& name : node.required) {
      if (!object.contains(name)) report(pointer + "/" + json_pointer_token(name), "is missing");
    }
    for (const json::key_value_pair& member : object) {
      const std::string place = pointer + "/" + json_pointer_token(member.key());
      if (node.property_names != nullptr) check(*node.property_names, json::value(member.key()), place, depth + 1);
      const auto known = node.properties.find(std::string_view(member.key()));
      if (known != node.properties.end()) {
        check(*known->second, member.value(), place, depth + 1);
      } else if (node.additional_properties != nullptr) {
        if (node.additional_properties->never) {
          std::vector<std::string> names;
          for (const auto& [name, ignored] : node.properties) names.push_back("\"" + name + "\"");
          report(place,
                 names.empty() ? "is not a known member" : "is not a known member (known: " + listed(names) + ")");
        } else {
          check(*node.additional_properties, member.value(), place, depth + 1);
        }
      }
    }
    check_count(node.properties_min, node.properties_max, static_cast<std::int64_t>(object.size()), "member", pointer);
  }

  void check_array(const Node& node, const json::array& array, const std::string& pointer, int depth) {
    for (std::size_t i = 0; i < array.size() && !full(); ++i) {
      const Node* item = i < node.prefix_items.size() ? node.prefix_items[i] : node.items;
      if (item != nullptr) check(*item, array[i], pointer + "/" + std::to_string(i), depth + 1);
    }
    check_count(node.items_min, node.items_max, static_cast<std::int64_t>(array.size()), "item", pointer);
    if (!node.unique_items) return;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (!seen.insert(canonical_json(array[i])).second) {
        return report(pointer + "/" + std::to_string(i), "repeats an earlier item: " + shown(array[i]));
      }
    }
  }

  void check_string(const Node& node, std::string_view text, const std::string& pointer) {
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

  void check_number(const Node& node, const json::value& value, const std::string& pointer) {
    if (node.minimum && compare_numbers(value, *node.minimum) < 0) {
      report(pointer, "expected at least " + shown(*node.minimum) + ", found " + shown(value));
    }
    if (node.maximum && compare_numbers(value, *node.maximum) > 0) {
      report(pointer, "expected at most " + shown(*node.maximum) + ", found " + shown(value));
    }
    if (node.exclusive_minimum && compare_numbers(value, *node.exclusive_minimum) <= 0) {
      report(pointer, "expected more than " + shown(*node.exclusive_minimum) + ", found " + shown(value));
    }
    if (node.exclusive_maximum && compare_numbers(value, *node.exclusive_maximum) >= 0) {
      report(pointer, "expected less than " + shown(*node.exclusive_maximum) + ", found " + shown(value));
    }
    if (node.multiple_of && !is_multiple(value, *node.multiple_of)) {
      report(pointer, "expected a multiple of " + shown(*node.multiple_of) + ", found " + shown(value));
    }
  }

  void check_count(const std::optional<std::int64_t>& least, const std::optional<std::int64_t>& most,
                   std::int64_t count, const std::string& what, const std::string& pointer) {
    const auto of = [&](std::int64_t n) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); };
    if (least && count < *least)
      report(pointer, "expected at least " + of(*least) + ", found " + std::to_string(count));
    if (most && count > *most) report(pointer, "expected at most " + of(*most) + ", found " + std::to_string(count));
  }

  [[nodiscard]] std::vector<SchemaBreach> try_check(const Node& node, const json::value& value,
                                                    const std::string& pointer, int depth) const {
    Validator attempt{4, checks_left, {}};
    attempt.check(node, value, pointer, depth + 1);
    return std::move(attempt.breaches);
  }

  void check_combinations(const Node& node, const json::value& value, const std::string& pointer, int depth) {
    for (const Node* part : node.all_of) check(*part, value, pointer, depth + 1);
    if (!node.any_of.empty()) {
      std::vector<SchemaBreach> nearest;
      bool fits = false;
      for (const Node* part : node.any_of) {
        std::vector<SchemaBreach> attempt = try_check(*part, value, pointer, depth);
        if (attempt.empty()) {
          fits = true;
          break;
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
        std::vector<SchemaBreach> attempt = try_check(*part, value, pointer, depth);
        if (attempt.empty()) {
          ++fitting;
        } else if (nearest.empty() || attempt.front().pointer.size() > nearest.front().pointer.size()) {
          nearest = std::move(attempt);
        }
      }
      if (fitting == 0) report_alternatives(node.one_of.size(), nearest, pointer);
      if (fitting > 1) report(pointer, "fits " + std::to_string(fitting) + " alternatives where exactly one is wanted");
    }
    if (node.negated != nullptr && try_check(*node.negated, value, pointer, depth).empty()) {
      report(pointer, "is of a kind that is excluded here: " + shown(value));
    }
  }

  void report_alternatives(std::size_t count, const std::vector<SchemaBreach>& nearest, const std::string& pointer) {
    const SchemaBreach& first = nearest.front();
    report(pointer, "fits none of " + std::to_string(count) + " alternatives (nearest: " +
                        (first.pointer.empty() ? "" : "at " + first.pointer + " ") + first.problem + ")");
  }
};

JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;
JsonSchema& JsonSchema::operator=(JsonSchema&&) noexcept = default;
JsonSchema::~JsonSchema() = default;

Result<JsonSchema> JsonSchema::compile(const json::value& schema) {
  JsonSchema compiled;
  Compiler compiler{compiled, schema, {}};
  ASSIGN_OR_RETURN(compiled.root_, compiler.compile(schema, ""));
  return compiled;
}

std::vector<SchemaBreach> JsonSchema::validate(const json::value& value, int breaches_max) const {
  int checks_left = kChecksMax;
  Validator validator{static_cast<std::size_t>(std::max(1, breaches_max)), checks_left, {}};
  validator.check(*root_, value, "", 0);
  // What lies inside a `not` fails silently, also where the bound of work was what it failed at.
  if (checks_left <= 0 && validator.breaches.empty())
    validator.report("", "cannot be checked within the bound of work");
  return std::move(validator.breaches);
}

Status JsonSchema::check(const json::value& value, std::string_view what) const {
  const std::vector<SchemaBreach> breaches = validate(value);
  if (breaches.empty()) return {};
  std::string text(what);
  for (std::size_t i = 0; i < breaches.size(); ++i) {
    text += i == 0 ? ": " : "; ";
    if (!breaches[i].pointer.empty()) text += "at " + breaches[i].pointer + ": ";
    text += breaches[i].problem;
  }
  return fail(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace mnema
