#include "inference/grammar/gbnf.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of_gbnf;
using testing::whole;

struct Case {
  const char* grammar;
  std::vector<const char*> in;
  std::vector<const char*> out;
};

TEST(Gbnf, AllowsExactlyTheLanguageItDescribes) {
  const std::vector<Case> cases = {
      {"root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "yesno", "maybe"}},
      {"root ::= [a-c]+ \"!\"?", {"a", "abc", "cab!"}, {"", "!", "d", "a!!"}},
      {"root ::= (\"a\" \"b\")* ", {"", "ab", "abab"}, {"a", "aba"}},
      {"root ::= \"x\"{2,3}", {"xx", "xxx"}, {"x", "xxxx", ""}},
      {"root ::= \"x\"{2}", {"xx"}, {"x", "xxx"}},
      {"root ::= \"x\"{1,}", {"x", "xxxxxxxx"}, {""}},
      {"root ::= \"x\"{0,2} \"y\"", {"y", "xy", "xxy"}, {"xxxy"}},
      {"root ::= [^a-z]", {"A", "é", "\n", "😀"}, {"a", "z", "AB"}},
      {"root ::= \"\\u00e9\\n\\x41\"", {"é\nA"}, {"e\nA"}},
      {"root ::= . .", {"ab", "é😀"}, {"a", "abc"}},
      {"# first\nroot ::= list # the list\nlist ::= \"[\" item (\",\" item)* \"]\"\nitem ::= [0-9] | list\n",
       {"[1]", "[1,2]", "[1,[2,[3,4]],5]"},
       {"[]", "[1,]", "[1,[2]", "1"}},
      {"root ::= (\n  \"a\"\n  | \"b\"\n)\n", {"a", "b"}, {"ab"}},
      {"root ::= \"a\"\n  | \"b\"\n", {"a", "b"}, {"c"}},
      {"root ::= (\"a\"*)* \"b\"", {"b", "aaab"}, {"a"}},
      {"root ::= [\\]\\-x]", {"]", "-", "x"}, {"\\", "a"}},
  };
  for (const Case& one : cases) {
    const auto matcher = matcher_of_gbnf(one.grammar);
    ASSERT_TRUE(matcher.ok()) << one.grammar << "\n" << matcher.error().text();
    for (const char* text : one.in) EXPECT_TRUE(whole(**matcher, text)) << one.grammar << "\nshould allow " << text;
    for (const char* text : one.out) EXPECT_FALSE(whole(**matcher, text)) << one.grammar << "\nshould refuse " << text;
  }
}

TEST(Gbnf, TellsLineAndColumnOfAMistake) {
  const auto result = parse_gbnf("root ::= item\nitem ::= \"a\" )\n");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("line 2, column 14"), std::string::npos) << result.error().text();
}

TEST(Gbnf, RefusesWhatCannotBeRun) {
  for (const char* grammar :
       {"", "item ::= \"a\"", "root ::= missing", "root ::= root \"a\" | \"b\"",
        "root ::= a\na ::= b \"x\"\nb ::= a | \"y\"", "root ::= \"a", "root ::= [a", "root ::= (\"a\"",
        "root ::= \"a\"{3,2}", "root ::= \"a\"{9999999}", "root ::= \"\\q\"", "root ::= \"a\"\nroot ::= \"b\"",
        "root ::= [z-a]", "root ::= \"\xff\"", "root ::= (\"a\"{1000}){1000}"}) {
    const auto matcher = matcher_of_gbnf(grammar);
    ASSERT_FALSE(matcher.ok()) << grammar;
    EXPECT_NE(matcher.error().message.find("grammar"), std::string::npos);
  }
}

TEST(Gbnf, RefusesWhatNoTextSatisfies) {
  for (const char* grammar : {"root ::= \"a\" []", "root ::= \"a\" root", "root ::= \"a\" b\nb ::= c\nc ::= b \"x\""}) {
    const auto matcher = matcher_of_gbnf(grammar);
    ASSERT_FALSE(matcher.ok()) << grammar;
    EXPECT_NE(matcher.error().message.find("allows no text"), std::string::npos) << matcher.error().text();
  }
  EXPECT_FALSE(testing::matcher_of_schema(R"({"type":"string","pattern":"a[]"})").ok());
}

TEST(Gbnf, CompilesInTimeWhateverIsRepeated) {
  EXPECT_TRUE(matcher_of_gbnf("root ::= \"\"{100000}{100000}{100000} \"a\"").ok());
  EXPECT_TRUE(matcher_of_gbnf("root ::= \"\"{0,100000}{0,100000}{0,100000} \"a\"").ok());
  EXPECT_TRUE(testing::matcher_of_schema(R"({"type":"string","pattern":"(?:(?:(?:){10000}){10000}){10000}"})").ok());
  std::string much = "root ::= (\"a\"";
  for (int i = 0; i < 10'000; ++i) much += " \"\"";
  EXPECT_FALSE(matcher_of_gbnf(much + "){100000}").ok());
  std::string nested = "root ::= \"a\"";
  for (int i = 0; i < 1'000'000; ++i) nested += "{1}";
  EXPECT_FALSE(matcher_of_gbnf(nested).ok());
}

TEST(Gbnf, CompilesLongChainsOfRulesAndLargeClassesInTime) {
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 9'990; ++i) chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + " | \"\"\n";
  const auto matcher = matcher_of_gbnf(chain + "r9990 ::= \"\" | \"z\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, "z"));
  std::vector<CodePointRange> ranges;
  for (std::uint32_t c = 0; c < 600'000; c += 2) ranges.push_back({c, c});
  const auto left = subtract({{0, kCodePointMax}}, ranges);
  EXPECT_EQ(left.size(), ranges.size());
  EXPECT_EQ(left.front().first, 1U);
  EXPECT_EQ(left.back().last, kCodePointMax);
}

TEST(Gbnf, TakesHolesOutOfSeveralRanges) {
  const auto left = subtract({{10, 20}, {30, 40}, {50, 60}}, {{0, 5}, {15, 32}, {35, 36}, {40, 55}, {58, 99}});
  std::string text;
  for (const CodePointRange& range : left) text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
  EXPECT_EQ(text, "10-14 33-34 37-39 56-57 ");
}

TEST(Gbnf, NeedsNoStackForRightRecursion) {
  const auto matcher = matcher_of_gbnf("root ::= \"a\" root | \"b\"");
  ASSERT_TRUE(matcher.ok());
  EXPECT_TRUE(whole(**matcher, std::string(10'000, 'a') + "b"));
  EXPECT_LT((*matcher)->positions(), 10U);
}

}  // namespace
}  // namespace mnema::grammar
