#include "inference/grammar/pattern_automaton.hpp"

#include <gtest/gtest.h>

#include "runtime/base/pattern.hpp"

namespace mnema::grammar {
namespace {

TEST(PatternAutomaton, MeansWhatTheValidatorMeans) {
  const std::vector<std::string> texts = {
      "",  "a", "b",   "ab",  "ba",   "aab", "foo",    "foobar", "barfoo", "x y",     "é", "\n", "a\nb", "1",      "a1",
      "A", "_", "a-b", "aXb", "abc1", "日",  "\u00a0", "\u2028", "a b",    "foo bar", "-", "]",  "{2}",  "\u0660", "Ω"};
  for (const char* pattern : {"a",
                              "^a",
                              "a$",
                              "^a$",
                              "^(a|b)*$",
                              "a|^b$",
                              "^$",
                              "(^a|b$)",
                              "\\d",
                              "\\w",
                              "^\\s$",
                              "\\S",
                              ".",
                              "^.$",
                              "^[^a]$",
                              "[]",
                              "[^]",
                              "a{2}",
                              "^a{0,1}b?$",
                              "^(?:a|b){1,2}$",
                              "a+?b",
                              "\\bfoo\\b",
                              "\\Boo",
                              "^(?=.*a)(?=.*b).*$",
                              "^(?!foo).*$",
                              "^(?!.*foo)",
                              "foo(?=bar)",
                              "foo(?!bar)",
                              "^(?!a$)a",
                              "\\p{L}",
                              "^\\P{L}+$",
                              "\\p{Script=Greek}",
                              "^\\p{Nd}$",
                              "\\u00e9",
                              "\\u{e9}",
                              "^[\\w-]+$",
                              "[a-\\d]",
                              "\\cJ",
                              "\\-",
                              "\\/",
                              "a{,2}",
                              "^]$",
                              "(?i)^A",
                              "(?<n>a)b",
                              "^a(b$|$)",
                              "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$",
                              "^(?=^a)(?!^ab)",
                              "(?:^(?!^a)|x)b",
                              "$a",
                              "a^",
                              "^^a$$"}) {
    const auto automaton = automaton_of_pattern(pattern);
    const auto validator = Pattern::compile(pattern);
    ASSERT_TRUE(automaton.ok()) << pattern << ": " << automaton.error().text();
    ASSERT_TRUE(validator.ok()) << pattern << ": " << validator.error().text();
    for (const std::string& text : texts) {
      EXPECT_EQ(automaton->accepts(*decode_utf8(text)), validator->search(text) == Pattern::Outcome::kMatch)
          << "the pattern " << pattern << " and the text \"" << text << '"';
    }
  }
}

TEST(PatternAutomaton, RefusesWhatNoAutomatonDoes) {
  for (const char* pattern : {"(a)\\1", "(?<=a)b", "(?<!a)b", "(?:(?!a).)*b", "^[ab]*a[ab]{30}$", "a(?=\\bb)"}) {
    const auto refused = automaton_of_pattern(pattern);
    ASSERT_FALSE(refused.ok()) << pattern;
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported) << refused.error().text();
  }
  for (const char* pattern : {"(", "a)", "[a", "*a", "a{2,1}", "\\", "\\q", "\\p{Nothing}", "\\u{110000}", "a**"}) {
    const auto wrong = automaton_of_pattern(pattern);
    ASSERT_FALSE(wrong.ok()) << pattern;
    EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidArgument) << wrong.error().text();
  }
}

}  // namespace
}  // namespace mnema::grammar
