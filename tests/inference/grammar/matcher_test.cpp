#include "inference/grammar/matcher.hpp"

#include <gtest/gtest.h>

#include "inference/grammar/grammar_mask.hpp"
#include "runtime/random.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of_gbnf;
using testing::matcher_of_schema;
using testing::SmallTokenizer;
using testing::whole;

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Matcher, ReadsTextWithManyReadingsInTheSpaceOfOne) {
  const auto matcher = matcher_of_gbnf("root ::= \" \" root \"b\" | \" \" root \"c\" | \"d\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 250)));
  EXPECT_FALSE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 249)));
  EXPECT_FALSE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 251)));
  EXPECT_LT((*matcher)->bytes(), 1U << 20);
}

TEST(Matcher, ReadsSumsOfSumsWithEveryGroupingAtOnce) {
  const auto matcher =
      matcher_of_gbnf("root ::= sum\nsum ::= item (\"+\" sum)? | item \"+\" sum\nitem ::= \"1\" | \"(\" sum \")\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, repeated("(1+", 100) + "1" + repeated(")", 100)));
  EXPECT_FALSE(whole(**matcher, repeated("(1+", 100) + "1" + repeated(")", 99)));
  EXPECT_LT((*matcher)->bytes(), 1U << 20);
}

TEST(Matcher, NestsObjectsThatBeginWithTheSameMember) {
  const auto matcher = matcher_of_schema(R"({"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"null"},
      {"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"b":{"type":"null"}},"required":["a","b"]},
      {"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"c":{"type":"null"}},"required":["a","c"]}]}}})");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  std::string text;
  for (int i = 0; i < 60; ++i) text += "{\"a\":";
  text += "null";
  for (int i = 0; i < 60; ++i) text += i % 2 == 0 ? ",\"b\":null}" : ",\"c\":null}";
  EXPECT_TRUE(whole(**matcher, text));
  EXPECT_FALSE(whole(**matcher, text + "}"));
}

TEST(Matcher, FollowsRulesThatMayBeEmpty) {
  const auto matcher =
      matcher_of_gbnf("root ::= \"(\" a b a \")\" b\na ::= b b\nb ::= \"x\"? c\nc ::= \"\" | \"[\" root \"]\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  for (const char* text : {"()", "(x)", "(xxxxx)x", "([()])", "([(x)x]x[()])[()]"})
    EXPECT_TRUE(whole(**matcher, text)) << text;
  for (const char* text : {"(xxxxxx)", "([()]", "[()]", "()xx"}) EXPECT_FALSE(whole(**matcher, text)) << text;
}

TEST(Matcher, BeginsAnewInTheMiddleOfAText) {
  const auto matcher = matcher_of_gbnf("root ::= \"[\" (root (\",\" root)*)? \"]\" | \"{\" root \"}\" | \"1\"");
  ASSERT_TRUE(matcher.ok());
  Position position = (*matcher)->start();
  for (const char byte : std::string_view("[{[1,["))
    position = (*matcher)->step(position, static_cast<std::uint8_t>(byte));
  Matcher anew(**matcher, position);
  EXPECT_TRUE(whole(anew, "],1]},[]]"));
  EXPECT_FALSE(whole(anew, "],1}},[]]"));
  EXPECT_FALSE(whole(anew, "],1]},[]"));
}

TEST(Matcher, SaysThatAnOperationTakesTooMuchInsteadOfGoingOn) {
  const auto rules = parse_gbnf("root ::= . root . | . root [a-m] | .");
  ASSERT_TRUE(rules.ok());
  Matcher matcher(std::make_shared<const Automaton>(*Automaton::compile(*rules, Limits{})), 100'000);
  Position position = matcher.start();
  SeededRandom random(3);
  while (position != kDead) position = matcher.step(position, static_cast<std::uint8_t>('a' + random.below(26)));
  EXPECT_TRUE(matcher.overflowed());
  EXPECT_TRUE(matcher.full());
  EXPECT_LT(matcher.bytes(), 1'000'000U);
}

}  // namespace
}  // namespace mnema::grammar
