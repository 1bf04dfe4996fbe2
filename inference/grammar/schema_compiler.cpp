#include "inference/grammar/schema_compiler.hpp"

#include <algorithm>
#include <set>

#include "inference/grammar/schema_reader.hpp"
#include "runtime/base/json.hpp"

namespace mnema::grammar {
namespace {

namespace json = boost::json;

constexpr int kDepthMax = 128;
constexpr std::size_t kRulesMax = 40'000;  // a bound on the work; `Limits` has the one on what comes of it

/// What is said of numbers, beside which ones they are.
bool number_holds(const Shape& shape, const json::value& value) {
  const std::optional<Decimal> number = Decimal::of(value);
  if (!number) return false;
  const auto is_multiple = [&](const MultipleRule& rule) { return number->is_multiple_of(rule.of) != rule.negated; };
  const auto is_other = [&](const json::value* other) { return Decimal::of(*other) != number; };
  return (!shape.low || (shape.low->excluded ? shape.low->value < *number : !(*number < shape.low->value))) &&
         (!shape.high || (shape.high->excluded ? *number < shape.high->value : !(shape.high->value < *number))) &&
         std::all_of(shape.multiples.begin(), shape.multiples.end(), is_multiple) &&
         std::all_of(shape.excluded.begin(), shape.excluded.end(), is_other);
}

bool is_excluded(const Shape& shape, const json::value& value) {
  return std::any_of(shape.excluded.begin(), shape.excluded.end(),
                     [&](const json::value* other) { return *other == value; });
}

}  // namespace

void SchemaCompiler::note_contradiction(const std::string& what, const std::string& pointer) {
  // The outermost reason comes last, and is the one that a reader of the schema sees.
  contradiction_ = what + ", at " + (pointer.empty() ? "the root" : pointer);
}

Status SchemaCompiler::spend(std::size_t states, const std::string& pointer) {
  states_left_ -= static_cast<std::int64_t>(states);
  if (states_left_ >= 0) return {};
  return schema_refused(ErrorCode::kUnsupported, "the patterns of the schema are too large together", pointer,
                        "use fewer or shorter ones");
}

Result<Expression> SchemaCompiler::compile_root() {
  Term root;
  root.schema = &root_;
  root.through = {&root_};
  ASSIGN_OR_RETURN(Expression expression, compile({root}));
  if (is_never(expression)) {
    return fail(ErrorCode::kInvalidArgument,
                "JSON schema: no value is valid" + (contradiction_.empty() ? ", at the root" : ": " + contradiction_));
  }
  return expression;
}

Result<Expression> SchemaCompiler::compile(const Terms& terms) {
  // A schema that says nothing adds nothing; the order does not matter.
  Terms told;
  Key key;
  for (const Term& term : terms) {
    if (!term.negated &&
        (*term.schema == json::value(true) || (term.schema->is_object() && term.schema->get_object().empty())))
      continue;
    if (std::find(key.begin(), key.end(), std::pair{term.schema, term.negated}) != key.end()) continue;
    key.emplace_back(term.schema, term.negated);
    told.push_back(term);
  }
  if (told.empty()) return json_.value();
  std::sort(key.begin(), key.end());
  const auto [place, fresh] = known_.try_emplace(std::move(key));
  Known& known = place->second;  // stays where it is
  if (!fresh) {
    if (known.expression) return known.expression;
    if (known.rule < 0) known.rule = rules_.declare("value of " + told.front().pointer);
    return reference(known.rule);
  }
  if (depth_ > kDepthMax) return schema_refused(ErrorCode::kInvalidArgument, "nested too deeply", told.front().pointer);
  if (rules_.rules.size() > kRulesMax)
    return schema_refused(ErrorCode::kUnsupported, "the schema is too large to be enforced", told.front().pointer);
  ++depth_;
  Result<Expression> body = compile_expansion(told);
  --depth_;
  if (!body.ok()) return body;
  const bool small = (*body)->kind == Node::Kind::kRule || is_never(*body) || (*body)->kind == Node::Kind::kLiteral;
  if (known.rule < 0 && small) {
    known.expression = std::move(*body);
    return known.expression;
  }
  if (known.rule < 0) known.rule = rules_.declare("value of " + told.front().pointer);
  rules_.rules[static_cast<std::size_t>(known.rule)].body = std::move(*body);
  known.expression = reference(known.rule);
  return known.expression;
}

Result<Expression> SchemaCompiler::compile_expansion(const Terms& terms) {
  ASSIGN_OR_RETURN(const Expansion expansion, expander_.expand(terms));
  std::vector<Expression> choices;
  for (const Terms& separate : expansion.separate) {
    ASSIGN_OR_RETURN(Expression choice, compile(separate));
    choices.push_back(std::move(choice));
  }
  for (const Shape& shape : expansion.shapes) {
    in_several_ = expansion.shapes.size() > 1;
    ASSIGN_OR_RETURN(Expression choice, compile_shape(shape, terms));
    choices.push_back(std::move(choice));
  }
  if (choices.empty()) {
    const std::string& why = expander_.contradiction();
    note_contradiction(why.empty() ? "its parts exclude one another" : why, terms.front().pointer);
  }
  return alternatives(std::move(choices));
}

Result<Expression> SchemaCompiler::compile_shape(const Shape& shape, const Terms& terms) {
  for (const std::string& note : shape.notes) rules_.note(note);
  if (shape.values) return compile_values(shape, terms);
  std::vector<Expression> choices;
  if ((shape.kinds & kStringKind) != 0) {
    ASSIGN_OR_RETURN(Expression choice, compile_string(shape));
    choices.push_back(std::move(choice));
  }
  if ((shape.kinds & kNumberKinds) != 0) {
    ASSIGN_OR_RETURN(Expression choice, compile_number(shape));
    choices.push_back(std::move(choice));
  }
  if ((shape.kinds & kObjectKind) != 0) {
    ASSIGN_OR_RETURN(Expression choice, compile_object(shape));
    choices.push_back(std::move(choice));
  }
  if ((shape.kinds & kArrayKind) != 0) {
    ASSIGN_OR_RETURN(Expression choice, compile_array(shape));
    choices.push_back(std::move(choice));
  }
  if ((shape.kinds & kBooleanKind) != 0) {
    for (const bool value : {true, false}) {
      if (!is_excluded(shape, json::value(value))) choices.push_back(literal(value ? "true" : "false"));
    }
  }
  if ((shape.kinds & kNullKind) != 0 && !is_excluded(shape, json::value(nullptr))) choices.push_back(literal("null"));
  if (choices.empty()) note_contradiction("no value has such a type", shape.pointer);
  return alternatives(std::move(choices));
}

Result<Expression> SchemaCompiler::compile_values(const Shape& shape, const Terms& terms) {
  std::vector<Expression> choices;
  std::set<std::string> seen;
  std::optional<CharacterAutomaton> strings;  // none: all
  for (const json::value* value : *shape.values) {
    if ((kind_of(*value) & shape.kinds) == 0 || !seen.insert(canonical_json(*value)).second) continue;
    if (is_excluded(shape, *value)) continue;
    if (value->is_structured() && !exact_integer(*value)) {
      ASSIGN_OR_RETURN(const bool valid, holds(*value, terms));
      if (!valid) continue;
    } else if (is_number(*value)) {
      if (!number_holds(shape, *value)) continue;
    } else if (value->is_string()) {
      if (!strings && !shape.strings.empty()) {
        ASSIGN_OR_RETURN(strings, strings_of(shape));
      }
      const std::optional<std::u32string> text = decode_utf8(value->get_string());
      if (!text || std::ssize(*text) < shape.length_min || (shape.length_max && std::ssize(*text) > *shape.length_max))
        continue;
      if (strings && !strings->accepts(*text)) continue;
    }
    choices.push_back(json_.constant(*value));
  }
  if (choices.empty()) note_contradiction("none of the listed values (enum, const) is valid", shape.pointer);
  return alternatives(std::move(choices));
}

Result<bool> SchemaCompiler::holds(const json::value& value, const Terms& terms) {
  for (const Term& term : terms) {
    auto known = validators_.find(term.schema);
    if (known == validators_.end()) {
      Result<JsonSchema> validator = JsonSchema::compile_part(references_, *term.schema);
      if (!validator.ok()) return schema_refused(validator.error().code, validator.error().message, term.pointer);
      known = validators_.emplace(term.schema, std::move(*validator)).first;
    }
    if (known->second.validate(value, 1).empty() == term.negated) return false;
  }
  return true;
}

}  // namespace mnema::grammar
