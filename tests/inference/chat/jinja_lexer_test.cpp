#include "inference/chat/jinja_lexer.hpp"

#include <gtest/gtest.h>

namespace mnema::jinja {
namespace {

/// Types and texts in one line: "text|{{|name x|}}|end".
std::string shown(std::string_view source) {
  const Result<std::vector<Token>> tokens = tokenize(source);
  if (!tokens.ok()) return tokens.error().message;
  std::string out;
  for (const Token& token : *tokens) {
    constexpr const char* kNames[] = {"text ",   "{{",       "}}",     "{%", "%}", "name ",
                                      "string ", "integer ", "float ", "",   "end"};
    out += (out.empty() ? "" : "|") + std::string(kNames[static_cast<std::size_t>(token.type)]) + token.text;
  }
  return out;
}

TEST(JinjaLexer, TellsTextFromTags) {
  EXPECT_EQ(shown("a {{ x.y }} {b} {% if 1 %}"),
            "text a |{{|name x|.|name y|}}|text  {b} |{%|name if|integer 1|%}|end");
  EXPECT_EQ(shown("{{ {'a': {}} }}"), "{{|{|string a|:|{|}|}|}}|end");
  EXPECT_EQ(shown("a{# {{ no }} #}b"), "text a|text b|end");
  EXPECT_EQ(shown(""), "end");
}

TEST(JinjaLexer, ReadsNumbersTextsAndSymbols) {
  EXPECT_EQ(shown("{{ 12 1.5 a_1 }}"), "{{|integer 12|float 1.5|name a_1|}}|end");
  EXPECT_EQ(shown(R"({{ 'it\'s' "a\n\t\\\d" }})"), "{{|string it's|string a\n\t\\\\d|}}|end");
  EXPECT_EQ(shown("{{ a//b**c!=d<=e }}"), "{{|name a|//|name b|**|name c|!=|name d|<=|name e|}}|end");
}

TEST(JinjaLexer, CountsLinesThroughTextsTagsAndComments) {
  const Result<std::vector<Token>> tokens = tokenize("one\n{# two\n #}{{ 'three\n' }}\n{{ five }}");
  ASSERT_TRUE(tokens.ok());
  EXPECT_EQ((*tokens)[tokens->size() - 3].text, "five");
  EXPECT_EQ((*tokens)[tokens->size() - 3].line, 5);
}

TEST(JinjaLexer, SaysOnWhichLineSomethingIsNotClosedOrStrange) {
  EXPECT_EQ(shown("\n{{ x"), "chat template, line 2: a tag is not closed");
  EXPECT_EQ(shown("\n\n{# x"), "chat template, line 3: a comment is not closed");
  EXPECT_EQ(shown("{{ 'x }}"), "chat template, line 1: a string is not closed");
  EXPECT_EQ(shown("{{ $ }}"), "chat template, line 1: unexpected character '$'");
  EXPECT_EQ(shown("{{ " + std::string(5000, '1') + " }}"), "chat template, line 1: a number is too long");
  EXPECT_EQ(shown("{{ (1] }}"), "chat template, line 1: unexpected ']'");
  EXPECT_EQ(shown("{{ '\\x4' }}"), "chat template, line 1: a \\x in a string needs 2 digits");
}

}  // namespace
}  // namespace mnema::jinja
