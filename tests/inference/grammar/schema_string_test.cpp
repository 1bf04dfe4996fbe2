#include "inference/grammar/schema_compiler.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::expect_cases;

TEST(SchemaString, PatternFormatAndLengthHoldTogether) {
  expect_cases({
      {R"({"type":"string","pattern":"^[a-z]+$","minLength":2,"maxLength":3})",
       {R"("ab")", R"("abc")"},
       {R"("a")", R"("abcd")", R"("aB")"}},
      {R"({"type":"string","pattern":"b","maxLength":2})", {R"("b")", R"("ab")", R"("bé")"}, {R"("abb")", R"("a")"}},
      {R"({"type":"string","format":"date","pattern":"^2024"})",
       {R"("2024-02-29")"},
       {R"("2023-01-01")", R"("2024-13-01")"}},
      {R"({"type":"string","allOf":[{"pattern":"^a"},{"pattern":"z$"},{"minLength":3}]})",
       {R"("abz")", R"("a\nz")"},
       {R"("az")", R"("ab")", R"("bz")"}},
      {R"({"type":"string","format":"uri","maxLength":2000})", {R"("https://example.org/a")"}, {R"("not a uri")"}},
      {R"({"type":"string","pattern":"^[A-Z]{2}$","maxLength":255})", {R"("AB")"}, {R"("ABC")"}},
  });
}

TEST(SchemaString, UnknownFormatsAreAnnotations) {
  expect_cases({
      {R"({"type":"string","format":"path"})", {R"("any thing")"}, {"1"}},
      {R"({"type":"string","format":"byte","maxLength":2})", {R"("ab")"}, {R"("abc")"}},
      {R"({"format":"date"})", {R"("2024-02-29")", "1", "null"}, {R"("2023-02-29")"}},
  });
  const auto rules =
      rules_of_schema(boost::json::parse(R"({"type":"object","properties":{"p":{"type":"string","format":"path"}}})"));
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->notes,
            std::vector<std::string>{"format 'path' is taken for an annotation, at /properties/p/format"});
}

TEST(SchemaString, CharactersAreCountedHoweverTheyAreWritten) {
  expect_cases({
      {R"({"type":"string","maxLength":2})",
       {R"("é\n")", R"("\u00e9\"")", R"("😀😀")", R"("\ud83d\ude00x")"},
       {R"("abc")", R"("\u0061\u0062\u0063")"}},
      {R"({"type":"string","pattern":"^.é$"})", {R"("aé")", R"("/é")", R"("\"é")"}, {R"("é")", R"("\né")"}},
      {R"({"enum":["a/b","é","\n"]})",
       {R"("a/b")", R"("a\/b")", R"("é")", R"("\u00e9")", R"("\n")", R"("\u000a")"},
       {R"("a")", R"("n")"}},
  });
}

TEST(SchemaString, WhatIsExcludedIsNotWritten) {
  expect_cases({
      {R"({"type":"string","not":{"enum":["a","ab"]}})", {R"("")", R"("b")", R"("abc")"}, {R"("a")", R"("ab")"}},
      {R"({"type":"string","not":{"pattern":"^x"}})", {R"("")", R"("ax")"}, {R"("x")", R"("xy")"}},
      {R"({"type":"string","not":{"minLength":2}})", {R"("")", R"("a")"}, {R"("ab")"}},
      {R"({"type":"string","not":{"format":"ipv4"}})", {R"("1.2.3")"}, {R"("1.2.3.4")"}},
  });
}

}  // namespace
}  // namespace mnema::grammar
