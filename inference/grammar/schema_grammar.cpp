#include "inference/grammar/schema_grammar.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "inference/grammar/json_grammar.hpp"
#include "inference/grammar/member_names.hpp"
#include "inference/grammar/number_range.hpp"
#include "inference/grammar/regex.hpp"
#include "inference/grammar/schema_keywords.hpp"
#include "inference/grammar/string_format.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr int kDepthMax = 128;
/// Names that free names must differ from are taken apart character by character, one inside the other.
constexpr std::size_t kOpenNameBytesMax = 256;

Error refused(ErrorCode code, const std::string& what, const std::string& pointer) {
  return fail(code, "JSON schema: " + what + ", at " + (pointer.empty() ? "the root" : pointer));
}
Error unsupported(std::string_view keyword, const std::string& pointer) {
  return refused(ErrorCode::kUnsupported, "'" + std::string(keyword) + "' cannot be enforced here",
                 pointer + pointer_step(keyword));
}

class SchemaCompiler {
 public:
  SchemaCompiler(const json::value& root, Rules& rules) : root_(root), rules_(rules), json_(rules) {}

  Result<Expression> compile(const json::value& schema, const std::string& pointer, int depth) {
    if (depth > kDepthMax) return refused(ErrorCode::kInvalidArgument, "nested too deeply", pointer);
    if (schema.is_bool()) {
      if (schema.get_bool()) return json_.value();
      return refused(ErrorCode::kUnsupported, "'false' allows no value", pointer);
    }
    if (!schema.is_object()) return refused(ErrorCode::kInvalidArgument, "a schema is an object or a boolean", pointer);
    const json::object& object = schema.get_object();
    if (const std::string_view keyword = impossible_keyword(object); !keyword.empty()) {
      return unsupported(keyword, pointer);
    }
    if (object.contains("$ref")) return compile_reference(object, pointer, depth);
    if (object.contains("const") || object.contains("enum")) return compile_listed(object, pointer);
    if (object.contains("allOf")) return compile_all_of(object, pointer, depth);
    if (object.contains("anyOf")) return compile_any_of(object, "anyOf", pointer, depth);
    if (object.contains("oneOf")) return compile_any_of(object, "oneOf", pointer, depth);
    return compile_typed(object, pointer, depth);
  }

 private:
  Result<Expression> compile_reference(const json::object& schema, const std::string& pointer, int depth) {
    const json::value& reference = schema.at("$ref");
    if (!reference.is_string()) return refused(ErrorCode::kInvalidArgument, "$ref is no string", pointer);
    if (const auto keyword = assertion_outside(schema, {"$ref"}); !keyword.empty()) {
      return refused(ErrorCode::kUnsupported, "'" + std::string(keyword) + "' beside a $ref cannot be enforced here",
                     pointer);
    }
    const std::string name(reference.get_string());
    if (const auto known = rule_of_reference_.find(name); known != rule_of_reference_.end())
      return grammar::reference(known->second);
    const json::value* target = target_of(name, root_);
    if (target == nullptr) {
      return refused(ErrorCode::kInvalidArgument, "$ref '" + name + "' points to nothing in this document", pointer);
    }
    const int rule = rules_.declare("ref " + name);
    rule_of_reference_[name] = rule;  // before the body, so that a schema may contain itself
    ASSIGN_OR_RETURN(Expression body, compile(*target, name.substr(1), depth + 1));
    rules_.rules[static_cast<std::size_t>(rule)].body = std::move(body);
    return grammar::reference(rule);
  }

  Result<Expression> compile_listed(const json::object& schema, const std::string& pointer) {
    if (const auto keyword = assertion_outside(schema, {"const", "enum", "type"}); !keyword.empty()) {
      return refused(ErrorCode::kUnsupported,
                     "'" + std::string(keyword) + "' beside enum or const cannot be enforced here", pointer);
    }
    std::vector<Expression> choices;
    if (const json::value* value = schema.if_contains("const")) {
      const json::value* list = schema.if_contains("enum");
      const bool listed =
          list == nullptr || !list->is_array() ||
          std::find(list->get_array().begin(), list->get_array().end(), *value) != list->get_array().end();
      if (!listed || type_excludes(schema, *value))
        return refused(ErrorCode::kInvalidArgument, "const is excluded by what stands beside it", pointer + "/const");
      choices.push_back(json_.constant(*value));
    } else {
      const json::value& list = schema.at("enum");
      if (!list.is_array() || list.get_array().empty()) {
        return refused(ErrorCode::kInvalidArgument, "enum is a list with at least one value", pointer + "/enum");
      }
      for (const json::value& each : list.get_array()) {
        if (!type_excludes(schema, each)) choices.push_back(json_.constant(each));
      }
      if (choices.empty())
        return refused(ErrorCode::kInvalidArgument, "no value of enum has the type", pointer + "/enum");
    }
    return alternatives(std::move(choices));
  }

  bool type_excludes(const json::object& schema, const json::value& value) const {
    const json::value* type = schema.if_contains("type");
    if (type == nullptr) return false;
    const json::object of_value{{"const", value}};
    const json::object of_type{{"type", *type}};
    return evidently_disjoint(of_value, of_type, root_);
  }

  Result<Expression> compile_any_of(const json::object& schema, const char* keyword, const std::string& pointer,
                                    int depth) {
    if (const auto other = assertion_outside(schema, {keyword}); !other.empty()) {
      return refused(ErrorCode::kUnsupported,
                     "'" + std::string(other) + "' beside " + keyword + " cannot be enforced here", pointer);
    }
    const std::string here = pointer + "/" + keyword;
    const json::value& list = schema.at(keyword);
    if (!list.is_array() || list.get_array().empty()) {
      return refused(ErrorCode::kInvalidArgument, std::string(keyword) + " is a list with at least one schema", here);
    }
    const json::array& branches = list.get_array();
    std::vector<Expression> choices;
    for (std::size_t i = 0; i < branches.size(); ++i) {
      if (std::string_view(keyword) == "oneOf") {
        for (std::size_t k = 0; k < i; ++k) {
          if (!evidently_disjoint(branches[i], branches[k], root_)) {
            return refused(ErrorCode::kUnsupported,
                           "branches " + std::to_string(k) + " and " + std::to_string(i) +
                               " of oneOf may both hold; use anyOf, or tell them apart by a required constant",
                           here);
          }
        }
      }
      ASSIGN_OR_RETURN(Expression choice, compile(branches[i], here + "/" + std::to_string(i), depth + 1));
      choices.push_back(std::move(choice));
    }
    return alternatives(std::move(choices));
  }

  /// Objects only: their members together. Anything else in an allOf of several is refused.
  Result<Expression> compile_all_of(const json::object& schema, const std::string& pointer, int depth) {
    const std::string here = pointer + "/allOf";
    const json::value& list = schema.at("allOf");
    if (!list.is_array() || list.get_array().empty()) {
      return refused(ErrorCode::kInvalidArgument, "allOf is a list with at least one schema", here);
    }
    json::object merged = schema;
    merged.erase("allOf");
    const bool alone = assertion_outside(merged, {}).empty();
    if (list.get_array().size() == 1 && alone) return compile(list.get_array()[0], here + "/0", depth + 1);
    for (std::size_t i = 0; i < list.get_array().size(); ++i) {
      const std::string at = here + "/" + std::to_string(i);
      const json::value* part = &list.get_array()[i];
      for (int hops = 0; hops < 16 && part != nullptr && part->is_object() && part->get_object().contains("$ref");
           ++hops) {
        const json::value& reference = part->get_object().at("$ref");
        part = reference.is_string() ? target_of(reference.get_string(), root_) : nullptr;
      }
      if (part == nullptr || !part->is_object()) return refused(ErrorCode::kInvalidArgument, "not a schema object", at);
      const json::object& object = part->get_object();
      if (const auto keyword = impossible_keyword(object); !keyword.empty()) return unsupported(keyword, at);
      if (const auto keyword = assertion_outside(object, {"type", "properties", "required"}); !keyword.empty()) {
        return refused(ErrorCode::kUnsupported,
                       "'" + std::string(keyword) + "' in an allOf of several cannot be enforced here", at);
      }
      RETURN_IF_ERROR(merge(merged, object, at));
    }
    return compile(merged, pointer, depth + 1);
  }

  static Status merge(json::object& into, const json::object& from, const std::string& pointer) {
    if (const json::value* type = from.if_contains("type"); type != nullptr && *type != json::value("object")) {
      return refused(ErrorCode::kUnsupported, "only objects can be merged by allOf", pointer);
    }
    into["type"] = "object";
    if (const json::value* members = from.if_contains("properties"); members != nullptr && members->is_object()) {
      if (!into.contains("properties")) into["properties"] = json::object();
      json::object& all = into["properties"].as_object();
      for (const auto& [name, schema] : members->get_object()) {
        if (all.contains(name) && all.at(name) != schema) {
          return refused(ErrorCode::kUnsupported, "member '" + std::string(name) + "' is described twice", pointer);
        }
        all[name] = schema;
      }
    }
    if (const json::value* required = from.if_contains("required"); required != nullptr && required->is_array()) {
      if (!into.contains("required")) into["required"] = json::array();
      for (const json::value& name : required->get_array()) into["required"].as_array().push_back(name);
    }
    return {};
  }

  Result<Expression> compile_typed(const json::object& schema, const std::string& pointer, int depth) {
    const json::value* type = schema.if_contains("type");
    if (type == nullptr) {
      const auto has = [&](std::initializer_list<std::string_view> keywords) {
        return std::any_of(keywords.begin(), keywords.end(), [&](std::string_view k) { return schema.contains(k); });
      };
      if (has({"properties", "required", "additionalProperties"})) return compile_object(schema, pointer, depth);
      if (has({"items", "prefixItems", "minItems", "maxItems"})) return compile_array(schema, pointer, depth);
      if (has({"pattern", "format", "minLength", "maxLength"})) return compile_string(schema, pointer);
      if (has({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}))
        return compile_number(schema, false, pointer);
      return json_.value();
    }
    if (type->is_string()) return compile_type(schema, type->get_string(), pointer, depth);
    if (!type->is_array() || type->get_array().empty()) {
      return refused(ErrorCode::kInvalidArgument, "type is a name or a list of names", pointer + "/type");
    }
    std::vector<Expression> choices;
    std::set<std::string_view> named;
    for (const json::value& one : type->get_array()) {
      if (!one.is_string())
        return refused(ErrorCode::kInvalidArgument, "type is a name or a list of names", pointer + "/type");
      // Each would be compiled with all that is in it: twice per level is too often for a deep schema.
      if (!named.insert(one.get_string()).second)
        return refused(ErrorCode::kInvalidArgument, "a type is named twice", pointer + "/type");
      ASSIGN_OR_RETURN(Expression choice, compile_type(schema, one.get_string(), pointer, depth));
      choices.push_back(std::move(choice));
    }
    return alternatives(std::move(choices));
  }

  Result<Expression> compile_type(const json::object& schema, std::string_view type, const std::string& pointer,
                                  int depth) {
    if (type == "object") return compile_object(schema, pointer, depth);
    if (type == "array") return compile_array(schema, pointer, depth);
    if (type == "string") return compile_string(schema, pointer);
    if (type == "integer") return compile_number(schema, true, pointer);
    if (type == "number") return compile_number(schema, false, pointer);
    if (type == "boolean") return alternatives({literal("true"), literal("false")});
    if (type == "null") return literal("null");
    return refused(ErrorCode::kInvalidArgument, "unknown type '" + std::string(type) + "'", pointer + "/type");
  }

  Expression as_rule(const std::string& name, Expression body) {
    const int rule = rules_.declare(name);
    rules_.rules[static_cast<std::size_t>(rule)].body = std::move(body);
    return grammar::reference(rule);
  }

  Result<Expression> compile_object(const json::object& schema, const std::string& pointer, int depth) {
    static const json::object kNone;
    const json::value* listed = schema.if_contains("properties");
    if (listed != nullptr && !listed->is_object()) {
      return refused(ErrorCode::kInvalidArgument, "properties is an object", pointer + "/properties");
    }
    const json::object& properties = listed != nullptr ? listed->get_object() : kNone;
    std::set<std::string> required;
    if (const json::value* names = schema.if_contains("required")) {
      if (!names->is_array()) return refused(ErrorCode::kInvalidArgument, "required is a list", pointer + "/required");
      for (const json::value& name : names->get_array()) {
        if (!name.is_string())
          return refused(ErrorCode::kInvalidArgument, "required lists names", pointer + "/required");
        required.insert(std::string(name.get_string()));
      }
    }
    const json::value* additional = schema.if_contains("additionalProperties");
    // Without a word about it, listed members close the object: what is made is a part of what is valid.
    const bool open = additional != nullptr ? *additional != json::value(false) : properties.empty();
    struct Member {
      Expression expression;
      bool required;
    };
    std::vector<Member> members;
    std::set<std::string> names;
    const auto add_member = [&](const std::string& name, Expression value, bool is_required) {
      names.insert(name);
      members.push_back(
          {as_rule(pointer + "/" + name, sequence({json_.member_name(name), std::move(value), json_.space()})),
           is_required});
    };
    for (const auto& [name, value] : properties) {
      const std::string key(name);
      ASSIGN_OR_RETURN(Expression expression, compile(value, pointer + "/properties" + pointer_step(key), depth + 1));
      add_member(key, std::move(expression), required.count(key) > 0);
    }
    Expression other_value;
    if (open) {
      if (additional != nullptr && !additional->is_bool()) {
        ASSIGN_OR_RETURN(other_value, compile(*additional, pointer + "/additionalProperties", depth + 1));
      } else {
        other_value = json_.value();
      }
    }
    for (const std::string& name : required) {
      if (names.count(name) > 0) continue;
      if (!open) {
        return refused(ErrorCode::kInvalidArgument, "'" + name + "' is required but not among the properties",
                       pointer + "/required");
      }
      add_member(name, other_value, true);
    }
    // tail: what may follow once a member stands; head: the same while none does.
    Expression tail = literal("");
    Expression head = literal("");
    if (open) {
      for (const std::string& name : names) {
        if (name.size() > kOpenNameBytesMax)
          return refused(ErrorCode::kUnsupported, "other members beside a name of more than 256 bytes", pointer);
      }
      const Expression other =
          as_rule(pointer + "/*", sequence({any_name_but(names, json_), json_.space(), literal(":"), json_.space(),
                                            other_value, json_.space()}));
      tail = repeat(sequence({json_.comma(), other}), 0, -1);
      head = optional(sequence({other, tail}));
    }
    for (std::size_t i = members.size(); i-- > 0;) {
      const Expression follows = as_rule(pointer + " after " + std::to_string(i), tail);
      const Expression with = sequence({members[i].expression, follows});
      const Expression with_comma = sequence({json_.comma(), with});
      head = members[i].required ? with : alternatives({with, as_rule(pointer + " from " + std::to_string(i), head)});
      tail = members[i].required ? with_comma : alternatives({with_comma, follows});
    }
    return sequence({literal("{"), json_.space(), head, literal("}")});
  }

  Result<std::optional<int>> count(const json::object& schema, const char* keyword, const std::string& pointer) {
    const json::value* value = schema.if_contains(keyword);
    if (value == nullptr) return std::optional<int>();
    boost::system::error_code error;
    const auto number = value->to_number<std::int64_t>(error);
    if (error || number < 0)
      return refused(ErrorCode::kInvalidArgument, "a count is a number from 0", pointer + "/" + keyword);
    if (number > 100'000) return refused(ErrorCode::kUnsupported, "a count above 100000", pointer + "/" + keyword);
    return std::optional<int>(static_cast<int>(number));
  }

  Result<Expression> compile_array(const json::object& schema, const std::string& pointer, int depth) {
    ASSIGN_OR_RETURN(const std::optional<int> min, count(schema, "minItems", pointer));
    ASSIGN_OR_RETURN(const std::optional<int> max, count(schema, "maxItems", pointer));
    if (max && min && *max < *min)
      return refused(ErrorCode::kInvalidArgument, "maxItems is below minItems", pointer + "/maxItems");
    std::vector<Expression> first;
    if (const json::value* prefix = schema.if_contains("prefixItems")) {
      if (!prefix->is_array())
        return refused(ErrorCode::kInvalidArgument, "prefixItems is a list", pointer + "/prefixItems");
      for (std::size_t i = 0; i < prefix->get_array().size(); ++i) {
        const std::string at = pointer + "/prefixItems/" + std::to_string(i);
        ASSIGN_OR_RETURN(Expression item, compile(prefix->get_array()[i], at, depth + 1));
        first.push_back(as_rule(at, sequence({std::move(item), json_.space()})));
      }
    }
    const json::value* items = schema.if_contains("items");
    if (items != nullptr && items->is_array()) {
      return refused(ErrorCode::kUnsupported, "a list of items (use prefixItems)", pointer + "/items");
    }
    const bool closed = items != nullptr && *items == json::value(false);
    Expression rest;
    if (!closed) {
      Expression item = json_.value();
      if (items != nullptr) {
        ASSIGN_OR_RETURN(item, compile(*items, pointer + "/items", depth + 1));
      }
      rest = as_rule(pointer + "/items", sequence({std::move(item), json_.space()}));
    }
    // Items of the prefix may be left out from the end, down to minItems.
    const int fixed = static_cast<int>(first.size());
    const int least = min.value_or(0);
    const int most = closed ? std::min(max.value_or(fixed), fixed) : max.value_or(-1);
    if (most >= 0 && most < least)
      return refused(ErrorCode::kInvalidArgument, "no array has so many items", pointer + "/minItems");
    Expression tail = literal("");
    if (most < 0 || most > fixed) {
      const int more_min = std::max(0, least - std::max(fixed, 1));
      if (fixed > 0) {
        tail = repeat(sequence({json_.comma(), rest}), std::max(0, least - fixed), most < 0 ? -1 : most - fixed);
      } else {
        const Expression all =
            sequence({rest, repeat(sequence({json_.comma(), rest}), more_min, most < 0 ? -1 : most - 1)});
        tail = least > 0 ? all : optional(all);
      }
    }
    for (int i = fixed; i-- > 0;) {
      if (most >= 0 && i >= most) {
        tail = literal("");
        continue;
      }
      Expression here = sequence({i > 0 ? json_.comma() : literal(""), first[static_cast<std::size_t>(i)], tail});
      tail = i < least ? here : optional(here);
    }
    return sequence({literal("["), json_.space(), tail, literal("]")});
  }

  Result<Expression> compile_string(const json::object& schema, const std::string& pointer) {
    ASSIGN_OR_RETURN(const std::optional<int> min, count(schema, "minLength", pointer));
    ASSIGN_OR_RETURN(const std::optional<int> max, count(schema, "maxLength", pointer));
    const json::value* pattern = schema.if_contains("pattern");
    const json::value* format = schema.if_contains("format");
    if ((pattern != nullptr) + (format != nullptr) + (min || max) > 1) {
      return refused(ErrorCode::kUnsupported, "pattern, format and length bounds cannot be enforced together", pointer);
    }
    Expression inside;
    if (pattern != nullptr) {
      if (!pattern->is_string())
        return refused(ErrorCode::kInvalidArgument, "pattern is a string", pointer + "/pattern");
      Result<Expression> found = expression_of_pattern(pattern->get_string(), json_);
      if (!found.ok()) return refused(found.error().code, found.error().message, pointer + "/pattern");
      inside = std::move(*found);
    } else if (format != nullptr) {
      const auto found = expression_of_format(format->is_string() ? std::string_view(format->get_string()) : "");
      if (!found)
        return refused(ErrorCode::kUnsupported, "format " + json::serialize(*format) + " cannot be enforced here",
                       pointer + "/format");
      inside = *found;
    } else if (min || max) {
      if (min && max && *max < *min)
        return refused(ErrorCode::kInvalidArgument, "maxLength is below minLength", pointer + "/maxLength");
      inside = repeat(json_.string_character(), min.value_or(0), max.value_or(-1));
    } else {
      return json_.string();
    }
    return sequence({literal("\""), inside, literal("\"")});
  }

  /// A bound as an integer. Fractions are refused: their digits are no regular matter worth its size.
  Result<std::optional<std::int64_t>> bound(const json::object& schema, const char* keyword,
                                            const std::string& pointer) {
    const json::value* value = schema.if_contains(keyword);
    if (value == nullptr) return std::optional<std::int64_t>();
    if (!value->is_number())
      return refused(ErrorCode::kInvalidArgument, "a bound is a number", pointer + "/" + keyword);
    const double number = value->to_number<double>();
    if (number != std::floor(number) || std::fabs(number) > 9.0e15) {
      return refused(ErrorCode::kUnsupported, "a bound that is no integer cannot be enforced here",
                     pointer + "/" + keyword);
    }
    return std::optional<std::int64_t>(static_cast<std::int64_t>(number));
  }

  Result<Expression> compile_number(const json::object& schema, bool integral, const std::string& pointer) {
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> minimum, bound(schema, "minimum", pointer));
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> maximum, bound(schema, "maximum", pointer));
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> above, bound(schema, "exclusiveMinimum", pointer));
    ASSIGN_OR_RETURN(const std::optional<std::int64_t> below, bound(schema, "exclusiveMaximum", pointer));
    std::optional<NumberBound> low, high;
    if (minimum) low = NumberBound{*minimum};
    if (maximum) high = NumberBound{*maximum};
    if (above && (!low || *above >= low->value)) low = NumberBound{*above, true};
    if (below && (!high || *below <= high->value)) high = NumberBound{*below, true};
    if (!low && !high) return integral ? json_.integer() : json_.number();
    Expression range = number_range(low, high, integral);
    if (!range) return refused(ErrorCode::kInvalidArgument, "no number lies between the bounds", pointer);
    return range;
  }

  const json::value& root_;
  Rules& rules_;
  JsonGrammar json_;
  std::map<std::string, int> rule_of_reference_;
};

}  // namespace

Result<Expression> expression_of_schema(const json::value& schema, Rules& rules) {
  return SchemaCompiler(schema, rules).compile(schema, "", 0);
}

Result<Rules> rules_of_schema(const json::value& schema) {
  Rules rules;
  const int root = rules.declare("root");
  ASSIGN_OR_RETURN(Expression body, expression_of_schema(schema, rules));
  rules.rules[static_cast<std::size_t>(root)].body = std::move(body);
  rules.root = root;
  return rules;
}

}  // namespace mnema::grammar
