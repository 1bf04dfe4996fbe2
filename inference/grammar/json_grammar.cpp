#include "inference/grammar/json_grammar.hpp"

#include <boost/json/serialize.hpp>

#include "inference/grammar/integer_range.hpp"

namespace mnema::grammar {
namespace {

constexpr int kIndentMax = 96;                     // 24 levels of 4
constexpr std::size_t kSharedCharactersMin = 100;  // states of an automaton from which its characters are rules
constexpr int kFractionDigitsMax = 30;
constexpr int kZerosMax = 8;  // behind the point of a whole number
constexpr std::uint32_t kShortEscapes[][2] = {{'"', '"'},  {'\\', '\\'}, {'/', '/'},  {'\b', 'b'},
                                              {'\f', 'f'}, {'\n', 'n'},  {'\r', 'r'}, {'\t', 't'}};

Expression digits(int min, int max) { return repeat(characters({{'0', '9'}}), min, max); }

}  // namespace

Expression JsonGrammar::shared(int& rule, const char* name, Expression (JsonGrammar::*body)()) {
  if (rule < 0) {
    rule = rules_.declare(name);
    const Expression built = (this->*body)();
    rules_.rules[static_cast<std::size_t>(rule)].body = built;
  }
  return reference(rule);
}

Expression JsonGrammar::space() { return shared(space_, "space", &JsonGrammar::space_body); }
Expression JsonGrammar::string_character() {
  return shared(character_, "character", &JsonGrammar::string_character_body);
}
Expression JsonGrammar::string() { return shared(string_, "string", &JsonGrammar::string_body); }
Expression JsonGrammar::value() { return shared(value_, "value", &JsonGrammar::value_body); }
Expression JsonGrammar::object() { return shared(object_, "object", &JsonGrammar::object_body); }
Expression JsonGrammar::array() { return shared(array_, "array", &JsonGrammar::array_body); }

Expression JsonGrammar::space_body() {
  return alternatives({literal(""), literal(" "),
                       sequence({literal("\n"), repeat(characters({{' ', ' '}, {'\t', '\t'}}), 0, kIndentMax)})});
}

Expression JsonGrammar::string_character_body() { return string_characters({{0, 0xD7FF}, {0xE000, kCodePointMax}}); }

Expression JsonGrammar::string_characters(const CodePointRanges& ranges) {
  const CodePointRanges plain = subtract(ranges, {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}, {0xD800, 0xDFFF}});
  std::vector<Expression> choices;
  if (!plain.empty()) choices.push_back(characters(plain));
  if (const Expression escapes = after_backslash(ranges); !is_never(escapes))
    choices.push_back(sequence({literal("\\"), escapes}));
  return alternatives(std::move(choices));
}

Expression JsonGrammar::after_backslash(const CodePointRanges& ranges) {
  const auto covers = [&](std::uint32_t first, std::uint32_t last) {  // `ranges` are merged
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const CodePointRange& range) { return range.first <= first && last <= range.last; });
  };
  const bool all_ascii = covers(0, 0x7f);
  const bool all_others = covers(0x80, 0xD7FF) && covers(0xE000, kCodePointMax);
  std::string key = std::string(all_ascii ? "ASCII" : "") + (all_others ? " others" : "");
  std::string shorts;
  std::vector<std::uint32_t> controls;
  for (const auto& [code_point, letter] : kShortEscapes) {
    if (covers(code_point, code_point)) shorts += static_cast<char>(letter);
  }
  for (std::uint32_t c = 0; c < 0x20; ++c) {
    if (covers(c, c)) controls.push_back(c);
  }
  if (covers('"', '"')) controls.push_back('"');
  if (covers('\\', '\\')) controls.push_back('\\');
  if (shorts.empty() && controls.empty() && !all_others) return never();
  key += ' ' + shorts;
  for (const std::uint32_t c : controls) key += ' ' + std::to_string(c);
  if (const auto known = escapes_.find(key); known != escapes_.end()) return reference(known->second);

  const auto hex = [] { return characters({{'0', '9'}, {'a', 'f'}, {'A', 'F'}}); };
  const auto either = [](char lower) {
    const auto low = static_cast<std::uint32_t>(lower), high = low - 'a' + 'A';
    return characters({{low, low}, {high, high}});
  };
  std::vector<Expression> unicode;
  if (all_ascii && all_others) {
    const Expression not_d = characters({{'0', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}});
    unicode.push_back(sequence({not_d, hex(), hex(), hex()}));
  } else {
    for (const std::uint32_t c : controls) {
      std::vector<Expression> digits{literal("00"), literal(std::string(1, static_cast<char>('0' + c / 16)))};
      digits.push_back(c % 16 < 10 ? literal(std::string(1, static_cast<char>('0' + c % 16)))
                                   : either(static_cast<char>('a' + c % 16 - 10)));
      unicode.push_back(sequence(std::move(digits)));
    }
    if (all_others) {
      const Expression not_0_or_d = characters({{'1', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}});
      unicode.push_back(sequence({not_0_or_d, hex(), hex(), hex()}));
      unicode.push_back(sequence({literal("0"), characters({{'1', '9'}, {'a', 'f'}, {'A', 'F'}}), hex(), hex()}));
      unicode.push_back(sequence({literal("00"), characters({{'8', '9'}, {'a', 'f'}, {'A', 'F'}}), hex()}));
    }
  }
  if (all_others) {
    // A lone surrogate is no character: \uD8xx must be followed by \uDCxx.
    unicode.push_back(sequence({either('d'), characters({{'0', '7'}}), hex(), hex()}));
    unicode.push_back(sequence({either('d'), characters({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex(), hex(),
                                literal("\\u"), either('d'), characters({{'c', 'f'}, {'C', 'F'}}), hex(), hex()}));
  }
  std::vector<Expression> choices;
  if (!shorts.empty()) {
    std::vector<CodePointRange> letters;
    for (const char letter : shorts)
      letters.push_back({static_cast<std::uint8_t>(letter), static_cast<std::uint8_t>(letter)});
    choices.push_back(characters(std::move(letters)));
  }
  if (!unicode.empty()) choices.push_back(sequence({literal("u"), alternatives(std::move(unicode))}));
  const int rule = rules_.declare("escape " + std::to_string(escapes_.size()));
  rules_.rules[static_cast<std::size_t>(rule)].body = alternatives(std::move(choices));
  escapes_.emplace(std::move(key), rule);
  return reference(rule);
}

Expression JsonGrammar::string_inside(const CharacterAutomaton& automaton) {
  std::vector<Node::State> made(automaton.states());
  std::map<std::vector<std::size_t>, Expression> known;  // by the classes together
  std::map<std::int32_t, std::vector<std::size_t>> classes_to;
  for (std::size_t state = 0; state < automaton.states(); ++state) {
    made[state].accepting = automaton.accepting[state];
    classes_to.clear();
    for (std::size_t c = 0; c < automaton.classes.size(); ++c) {
      if (const std::int32_t to = automaton.step(state, c); to >= 0) classes_to[to].push_back(c);
    }
    for (const auto& [to, classes] : classes_to) {
      Expression& on = known[classes];
      if (!on) {
        CodePointRanges ranges;
        for (const std::size_t c : classes)
          ranges.insert(ranges.end(), automaton.classes[c].begin(), automaton.classes[c].end());
        ranges = normalised(std::move(ranges));
        on = automaton.states() > kSharedCharactersMin ? shared_characters(ranges) : string_characters(ranges);
      }
      made[state].edges.push_back({on, to});
    }
  }
  return states(std::move(made));
}

/// As a rule: characters of several bytes, and escapes, take some dozens of states wherever they stand.
Expression JsonGrammar::shared_characters(const CodePointRanges& ranges) {
  if (ranges.size() == 1 && ranges[0].first == ranges[0].last) return string_characters(ranges);
  std::vector<std::uint32_t> key;
  for (const CodePointRange& range : ranges) key.insert(key.end(), {range.first, range.last});
  Expression& known = characters_[std::move(key)];
  if (!known) known = rule("characters " + std::to_string(characters_.size()), string_characters(ranges));
  return known;
}

Expression JsonGrammar::string_body() {
  return sequence({literal("\""), repeat(string_character(), 0, -1), literal("\"")});
}

Expression JsonGrammar::string_constant(std::string_view text) {
  std::vector<Expression> parts;
  std::string plain = "\"";
  const std::optional<std::u32string> decoded = decode_utf8(text);
  if (!decoded) return never();
  for (const char32_t c : *decoded) {
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '/') {
      plain += static_cast<char>(c);
      continue;
    }
    parts.push_back(literal(plain));
    plain.clear();
    // Either as it is, where it may be, or as an escape.
    std::vector<Expression> choices{string_characters({{c, c}})};
    if (c >= 0x80) {
      std::string escaped;
      const auto append = [&](std::uint32_t unit) {
        constexpr const char* kDigits = "0123456789abcdef";
        escaped += "\\u";
        for (int shift = 12; shift >= 0; shift -= 4) escaped += kDigits[unit >> shift & 15];
      };
      if (c >= 0x10000) append(0xD800 + ((c - 0x10000) >> 10));
      append(c >= 0x10000 ? 0xDC00 + ((c - 0x10000) & 0x3ff) : c);
      choices.push_back(literal(escaped));
    }
    parts.push_back(alternatives(std::move(choices)));
  }
  parts.push_back(literal(plain + "\""));
  return sequence(std::move(parts));
}

Expression JsonGrammar::integer() {
  return sequence({optional(literal("-")),
                   alternatives({literal("0"), sequence({characters({{'1', '9'}}), digits(0, kIntegerDigitsMax - 1)})}),
                   optional(sequence({literal("."), repeat(literal("0"), 1, kZerosMax)}))});
}

Expression JsonGrammar::number() {
  const Expression power =
      alternatives({digits(1, 2), sequence({characters({{'1', '2'}}), digits(2, 2)})});  // to 10^±299
  return sequence({optional(literal("-")),
                   alternatives({literal("0"), sequence({characters({{'1', '9'}}), digits(0, kIntegerDigitsMax - 1)})}),
                   optional(sequence({literal("."), digits(1, kFractionDigitsMax)})),
                   optional(sequence({characters({{'e', 'e'}, {'E', 'E'}}),
                                      optional(characters({{'+', '+'}, {'-', '-'}})), power}))});
}

Expression JsonGrammar::value_body() {
  return alternatives({string(), number(), object(), array(), literal("true"), literal("false"), literal("null")});
}

Expression JsonGrammar::comma() { return sequence({literal(","), space()}); }
Expression JsonGrammar::colon() { return sequence({space(), literal(":"), space()}); }

Expression JsonGrammar::member_name(std::string_view name) { return sequence({string_constant(name), colon()}); }

Expression JsonGrammar::rule(const std::string& name, Expression body) {
  const int rule = rules_.declare(name);
  rules_.rules[static_cast<std::size_t>(rule)].body = std::move(body);
  return reference(rule);
}

Expression JsonGrammar::object_body() {
  const Expression member = sequence({string(), space(), literal(":"), space(), value(), space()});
  return sequence({literal("{"), distinct(), space(),
                   optional(sequence({member, repeat(sequence({comma(), member}), 0, -1)})), literal("}")});
}

Expression JsonGrammar::array_body() {
  const Expression item = sequence({value(), space()});
  return sequence(
      {literal("["), space(), optional(sequence({item, repeat(sequence({comma(), item}), 0, -1)})), literal("]")});
}

Expression JsonGrammar::number_constant(const Decimal& number) {
  if (!number.is_integer()) return literal(number.text());
  return sequence({literal(number.text()), number.text().find('e') == std::string::npos
                                               ? optional(sequence({literal("."), repeat(literal("0"), 1, kZerosMax)}))
                                               : literal("")});
}

Expression JsonGrammar::constant(const boost::json::value& value) {
  if (is_number(value)) {
    const std::optional<Decimal> number = Decimal::of(value);
    return number ? number_constant(*number) : never();
  }
  if (value.is_string()) return string_constant(value.get_string());
  if (const boost::json::array* array = value.if_array()) {
    std::vector<Expression> parts{literal("["), space()};
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (i > 0) parts.push_back(comma());
      parts.push_back(constant((*array)[i]));
      parts.push_back(space());
    }
    parts.push_back(literal("]"));
    return sequence(std::move(parts));
  }
  if (const boost::json::object* object = value.if_object()) {
    std::vector<Expression> parts{literal("{"), space()};
    for (const auto& [name, member] : *object) {
      if (parts.size() > 2) parts.push_back(comma());
      parts.push_back(member_name(name));
      parts.push_back(constant(member));
      parts.push_back(space());
    }
    parts.push_back(literal("}"));
    return sequence(std::move(parts));
  }
  return literal(boost::json::serialize(value));
}

}  // namespace mnema::grammar
