// inference/grammar/json_grammar.hpp
//
// The pieces every JSON text is made of, as expressions. White space is allowed where JSON allows it, but bounded, so
// that a model cannot spend its answer on blanks: nothing, one blank, or a line break with up to 20 blanks of indent.
//
// Threads: confined to one; adds its shared rules to `rules` when first asked.
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

class JsonGrammar {
 public:
  explicit JsonGrammar(Rules& rules) : rules_(rules) {}

  [[nodiscard]] Expression space();
  /// Characters of a string's inside, as JSON writes them: plain, or escaped.
  [[nodiscard]] Expression string_character();
  /// The same for only some code points: those that must be escaped are written by their short escape or \u00XX.
  [[nodiscard]] static Expression escaped(const std::vector<CodePointRange>& ranges);
  [[nodiscard]] Expression string();
  [[nodiscard]] Expression integer();
  [[nodiscard]] Expression number();
  [[nodiscard]] Expression value();   // anything
  [[nodiscard]] Expression object();  // any object
  [[nodiscard]] Expression array();   // any array
  /// Exactly this value (compact, members in their order), for enum and const.
  [[nodiscard]] Expression constant(const boost::json::value& value);
  /// `"name" : ` with its white space.
  [[nodiscard]] Expression member_name(std::string_view name);
  /// open, items separated by commas, close.
  [[nodiscard]] Expression comma();

 private:
  Expression shared(int& rule, const char* name, Expression (JsonGrammar::*body)());
  Expression space_body();
  Expression string_character_body();
  Expression string_body();
  Expression value_body();
  Expression object_body();
  Expression array_body();

  Rules& rules_;
  int space_ = -1;
  int character_ = -1;
  int string_ = -1;
  int value_ = -1;
  int object_ = -1;
  int array_ = -1;
};

}  // namespace mnema::grammar
