#include <algorithm>
#include <boost/json/serialize.hpp>

#include "inference/grammar/pattern_automaton.hpp"
#include "inference/grammar/schema_compiler.hpp"
#include "inference/grammar/schema_reader.hpp"
#include "inference/grammar/string_format.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kStatesMax = 40'000;
constexpr std::size_t kCountedStatesMax = 8'000;  // of an automaton that also counts characters
constexpr std::int64_t kLengthMax = 100'000;      // of a string that is only counted
constexpr std::int64_t kShortenedMin = 64;        // a bound on the length may be lowered to no less than this

}  // namespace

Result<std::shared_ptr<const CharacterAutomaton>> SchemaCompiler::pattern(const std::string& text,
                                                                          const std::string& pointer) {
  if (const auto known = patterns_.find(text); known != patterns_.end()) return known->second;
  Result<CharacterAutomaton> made = automaton_of_pattern(text);
  if (!made.ok()) return schema_refused(made.error().code, made.error().message, pointer);
  RETURN_IF_ERROR(spend(made->states(), pointer));
  auto shared = std::make_shared<const CharacterAutomaton>(std::move(*made));
  patterns_.emplace(text, shared);
  return shared;
}

Result<std::optional<CharacterAutomaton>> SchemaCompiler::strings_of(const Shape& shape) {
  std::optional<CharacterAutomaton> strings;
  const auto restrict_to = [&](const CharacterAutomaton& to, const std::string& pointer) -> Status {
    if (!strings) {
      strings = to;
      return {};
    }
    std::optional<CharacterAutomaton> both = intersection(*strings, to, kStatesMax);
    if (!both) return schema_refused(ErrorCode::kUnsupported, "these patterns together are too large", pointer);
    strings = std::move(both);
    return spend(strings->states() + to.states(), pointer);
  };
  for (const StringRule& rule : shape.strings) {
    std::shared_ptr<const CharacterAutomaton> automaton;
    const std::string shortened = rule.is_format && !rule.negated && shape.length_max
                                      ? shortened_pattern_of_format(rule.text, *shape.length_max)
                                      : "";
    if (!shortened.empty()) {
      ASSIGN_OR_RETURN(automaton, pattern(shortened, rule.pointer));
    } else if (rule.is_format) {
      automaton = automaton_of_format(rule.text);
    } else {
      ASSIGN_OR_RETURN(automaton, pattern(rule.text, rule.pointer));
    }
    RETURN_IF_ERROR(restrict_to(rule.negated ? complement(*automaton) : *automaton, rule.pointer));
  }
  std::vector<std::u32string> excluded;
  for (const boost::json::value* value : shape.excluded) {
    if (!value->is_string()) continue;
    if (std::optional<std::u32string> text = decode_utf8(value->get_string())) excluded.push_back(std::move(*text));
  }
  if (!excluded.empty()) RETURN_IF_ERROR(restrict_to(complement(texts_of(excluded)), shape.pointer));
  if (!strings || strings->empty()) return strings;

  const LengthBounds has = length_bounds(*strings);
  const std::int64_t min = shape.length_min > has.min ? shape.length_min : 0;
  std::int64_t max = shape.length_max && (has.max < 0 || has.max > *shape.length_max) ? *shape.length_max : -1;
  if (min == 0 && max < 0) return strings;
  std::optional<CharacterAutomaton> counted = with_length(*strings, min, max, kCountedStatesMax);
  if (!counted && max > kShortenedMin) {
    // Fewer characters than are allowed, rather than none of the schema.
    max =
        std::max<std::int64_t>({kShortenedMin, min, static_cast<std::int64_t>(kCountedStatesMax / strings->states())});
    counted = with_length(*strings, min, max, 4 * kCountedStatesMax);
    rules_.note("strings have at most " + std::to_string(max) + " characters, as maxLength is too large beside the " +
                "pattern or format, at " + shape.pointer);
  }
  if (!counted) {
    return schema_refused(ErrorCode::kUnsupported,
                          "the pattern or format and the bounds on the length are too large "
                          "together",
                          shape.pointer, "use smaller bounds");
  }
  RETURN_IF_ERROR(spend(counted->states(), shape.pointer));
  return counted;
}

Result<std::optional<CharacterAutomaton>> SchemaCompiler::strings_of(const Terms& terms) {
  ASSIGN_OR_RETURN(Expansion expansion, expander_.expand(terms));
  const std::string& pointer = terms.front().pointer;
  const auto unclear = [&] {
    return schema_refused(ErrorCode::kUnsupported, "names of such a kind cannot be enforced here", pointer,
                          "describe names by one pattern or one list");
  };
  // An expansion without anything in common is taken apart once more.
  for (const Terms& separate : expansion.separate) {
    ASSIGN_OR_RETURN(Expansion inner, expander_.expand(separate));
    if (!inner.separate.empty()) return unclear();
    expansion.shapes.insert(expansion.shapes.end(), inner.shapes.begin(), inner.shapes.end());
  }
  std::vector<const Shape*> shapes;
  for (const Shape& shape : expansion.shapes) {
    if ((shape.kinds & kStringKind) != 0) shapes.push_back(&shape);
  }
  if (shapes.empty()) return std::optional<CharacterAutomaton>(CharacterAutomaton{any_text().classes, {}, {}});
  // The union, as what is in none of the complements.
  std::optional<CharacterAutomaton> outside;
  for (const Shape* shape : shapes) {
    CharacterAutomaton one;
    if (shape->values) {
      std::vector<std::u32string> texts;
      for (const boost::json::value* value : *shape->values) {
        if (!value->is_string()) continue;
        ASSIGN_OR_RETURN(const bool valid, holds(*value, terms));
        if (!valid) continue;
        if (std::optional<std::u32string> text = decode_utf8(value->get_string())) texts.push_back(std::move(*text));
      }
      one = texts_of(texts);
    } else {
      ASSIGN_OR_RETURN(const std::optional<CharacterAutomaton> found, strings_of(*shape));
      if (found) {
        one = *found;
      } else if (shape->length_min == 0 && !shape->length_max) {
        return std::optional<CharacterAutomaton>();
      } else {
        std::optional<CharacterAutomaton> counted =
            with_length(any_text(), shape->length_min, shape->length_max.value_or(-1), kStatesMax);
        if (!counted) return unclear();
        one = std::move(*counted);
      }
    }
    if (shapes.size() == 1) return std::optional<CharacterAutomaton>(std::move(one));
    const CharacterAutomaton others = complement(one);
    outside = outside ? intersection(*outside, others, kStatesMax) : others;
    if (!outside) return unclear();
  }
  return std::optional<CharacterAutomaton>(complement(*outside));
}

Result<Expression> SchemaCompiler::compile_string(const Shape& shape) {
  // Many members have the same pattern: it stands once in the automaton.
  std::string key = std::to_string(shape.length_min) + ' ' + std::to_string(shape.length_max.value_or(-1));
  for (const StringRule& rule : shape.strings)
    key += std::string(rule.negated ? " not " : " ") + (rule.is_format ? "format " : "pattern ") + rule.text + '\0';
  for (const boost::json::value* value : shape.excluded) key += " but " + boost::json::serialize(*value);
  if (const auto known = strings_.find(key); known != strings_.end()) return known->second;
  ASSIGN_OR_RETURN(Expression made, make_string(shape));
  if (!is_never(made) && made->kind != Node::Kind::kRule)
    made = json_.rule("string of " + shape.pointer, std::move(made));
  strings_.emplace(std::move(key), made);
  return made;
}

Result<Expression> SchemaCompiler::make_string(const Shape& shape) {
  if (shape.length_max && *shape.length_max < shape.length_min) {
    note_contradiction("maxLength is below minLength", shape.pointer + "/maxLength");
    return never();
  }
  ASSIGN_OR_RETURN(const std::optional<CharacterAutomaton> strings, strings_of(shape));
  if (strings && strings->empty()) {
    note_contradiction("no string fits", shape.pointer);
    return never();
  }
  Expression inside;
  if (strings) {
    inside = json_.string_inside(*strings);
  } else if (shape.length_min == 0 && !shape.length_max) {
    return json_.string();
  } else {
    if (shape.length_min > kLengthMax) {
      return schema_refused(ErrorCode::kUnsupported, "a minLength above " + std::to_string(kLengthMax),
                            shape.pointer + "/minLength");
    }
    const bool open = !shape.length_max || *shape.length_max > kLengthMax;
    inside =
        repeat(json_.string_character(), static_cast<int>(shape.length_min),
               open ? (shape.length_max ? static_cast<int>(kLengthMax) : -1) : static_cast<int>(*shape.length_max));
  }
  return sequence({literal("\""), inside, literal("\"")});
}

}  // namespace mnema::grammar
