#include "inference/grammar/json_grammar.hpp"

#include <boost/json/serialize.hpp>

namespace mnema::grammar {
namespace {

constexpr int kIndentMax = 20;
constexpr int kNumberDigitsMax = 17;  // beyond that a double holds no more; also ends a run of digits

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

Expression JsonGrammar::string_character_body() {
  const Expression hex = characters({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
  const Expression not_d = characters({{'0', '9'}, {'a', 'c'}, {'e', 'f'}, {'A', 'C'}, {'E', 'F'}});
  const Expression d = characters({{'d', 'd'}, {'D', 'D'}});
  const Expression low = characters({{'0', '7'}});
  const Expression high_surrogate = sequence({d, characters({{'8', '9'}, {'a', 'b'}, {'A', 'B'}}), hex, hex});
  const Expression low_surrogate = sequence({d, characters({{'c', 'f'}, {'C', 'F'}}), hex, hex});
  // A lone surrogate is no character: \uD8xx must be followed by \uDCxx.
  const Expression unicode =
      alternatives({sequence({literal("\\u"), not_d, hex, hex, hex}), sequence({literal("\\u"), d, low, hex, hex}),
                    sequence({literal("\\u"), high_surrogate, literal("\\u"), low_surrogate})});
  return alternatives(
      {characters_except({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}}),
       sequence(
           {literal("\\"),
            characters(
                {{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}})}),
       unicode});
}

Expression JsonGrammar::escaped(const std::vector<CodePointRange>& ranges) {
  std::vector<Expression> choices{
      characters(subtract(ranges, {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}, {0xD800, 0xDFFF}}))};
  for (const CodePointRange& range : ranges) {
    for (std::uint32_t c = range.first; c <= range.last && c <= '\\'; ++c) {
      if (c > 0x1f && c != '"' && c != '\\') continue;
      // Boost.JSON knows how a character must be written.
      const std::string quoted = boost::json::serialize(boost::json::string(1, static_cast<char>(c)));
      choices.push_back(literal(std::string_view(quoted).substr(1, quoted.size() - 2)));
    }
  }
  return alternatives(std::move(choices));
}

Expression JsonGrammar::string_body() {
  return sequence({literal("\""), repeat(string_character(), 0, -1), literal("\"")});
}

Expression JsonGrammar::integer() {
  return sequence(
      {optional(literal("-")),
       alternatives({literal("0"), sequence({characters({{'1', '9'}}), digits(0, kNumberDigitsMax - 2)})})});
}

Expression JsonGrammar::number() {
  return sequence({integer(), optional(sequence({literal("."), digits(1, kNumberDigitsMax)})),
                   optional(sequence({characters({{'e', 'e'}, {'E', 'E'}}),
                                      optional(characters({{'+', '+'}, {'-', '-'}})), digits(1, 2)}))});
}

Expression JsonGrammar::value_body() {
  return alternatives({string(), number(), object(), array(), literal("true"), literal("false"), literal("null")});
}

Expression JsonGrammar::comma() { return sequence({literal(","), space()}); }

Expression JsonGrammar::member_name(std::string_view name) {
  return sequence({literal(boost::json::serialize(boost::json::string(name))), space(), literal(":"), space()});
}

Expression JsonGrammar::object_body() {
  const Expression member = sequence({string(), space(), literal(":"), space(), value(), space()});
  return sequence(
      {literal("{"), space(), optional(sequence({member, repeat(sequence({comma(), member}), 0, -1)})), literal("}")});
}

Expression JsonGrammar::array_body() {
  const Expression item = sequence({value(), space()});
  return sequence(
      {literal("["), space(), optional(sequence({item, repeat(sequence({comma(), item}), 0, -1)})), literal("]")});
}

Expression JsonGrammar::constant(const boost::json::value& value) { return literal(boost::json::serialize(value)); }

}  // namespace mnema::grammar
