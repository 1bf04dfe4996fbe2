// inference/grammar/json_grammar.hpp
//
// The pieces every JSON text is made of, as expressions. White space is allowed where JSON allows it, but bounded, so
// that a model cannot spend its answer on blanks: nothing, one blank, or a line break with up to 96 blanks of indent.
//
// Threads: confined to one; adds its shared rules to `rules` when first asked.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "inference/grammar/character_automaton.hpp"
#include "inference/grammar/expression.hpp"
#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

class JsonGrammar {
 public:
  explicit JsonGrammar(Rules& rules) : rules_(rules) {}

  [[nodiscard]] Expression space();
  /// Characters of a string's inside, as JSON writes them: plain, or escaped.
  [[nodiscard]] Expression string_character();
  /// The same for only some code points, sorted and merged. Those that must be escaped are, by either of their escapes;
  /// a set that holds all characters beyond ASCII may also be written in ASCII (\uXXXX).
  [[nodiscard]] Expression string_characters(const CodePointRanges& ranges);
  /// The inside of the strings of an automaton.
  [[nodiscard]] Expression string_inside(const CharacterAutomaton& automaton);
  [[nodiscard]] Expression string();
  /// Exactly this string, with its quotes.
  [[nodiscard]] Expression string_constant(std::string_view text);
  /// Up to 64 digits; a whole number may also be written with a fraction of zeros.
  [[nodiscard]] static Expression integer();
  [[nodiscard]] static Expression number();
  [[nodiscard]] Expression value();   // anything
  [[nodiscard]] Expression object();  // any object
  [[nodiscard]] Expression array();   // any array
  /// Exactly this value (members in their order; a number in its shortest form, a whole one also with zeros behind the
  /// point), for enum and const.
  [[nodiscard]] Expression constant(const boost::json::value& value);
  [[nodiscard]] static Expression number_constant(const Decimal& number);
  /// `"name" : ` with its white space.
  [[nodiscard]] Expression member_name(std::string_view name);
  [[nodiscard]] Expression colon();
  [[nodiscard]] Expression comma();
  /// The body as a rule of its own, so that it stands once in the automaton.
  [[nodiscard]] Expression rule(const std::string& name, Expression body);

 private:
  Expression shared(int& rule, const char* name, Expression (JsonGrammar::*body)());
  Expression space_body();
  Expression string_character_body();
  Expression string_body();
  Expression value_body();
  Expression object_body();
  Expression array_body();

  [[nodiscard]] Expression shared_characters(const CodePointRanges& ranges);
  /// What may follow the backslash of an escape of `ranges`, as a rule.
  Expression after_backslash(const CodePointRanges& ranges);

  Rules& rules_;
  std::map<std::string, int> escapes_;                           // by what they stand for
  std::map<std::vector<std::uint32_t>, Expression> characters_;  // rules, by the ends of their ranges
  int space_ = -1;
  int character_ = -1;
  int string_ = -1;
  int value_ = -1;
  int object_ = -1;
  int array_ = -1;
};

}  // namespace mnema::grammar
