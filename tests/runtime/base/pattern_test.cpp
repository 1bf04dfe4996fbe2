#include "runtime/base/pattern.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Pattern::Outcome search(std::string_view pattern, std::string_view text) {
  return Pattern::compile(pattern).value().search(text);
}

TEST(Pattern, MatchesAsJsonSchemaMeansIt) {
  EXPECT_EQ(search("b+", "abbc"), Pattern::Outcome::kMatch) << "anywhere, unless it is anchored";
  EXPECT_EQ(search("^b", "abbc"), Pattern::Outcome::kNoMatch);
  EXPECT_EQ(search("^a$", "a\n"), Pattern::Outcome::kNoMatch) << "'$' is the very end";
  EXPECT_EQ(search("^.$", "ü"), Pattern::Outcome::kMatch) << "characters, not bytes";
  EXPECT_EQ(search("^\\u00fc$", "ü"), Pattern::Outcome::kMatch);
  EXPECT_EQ(search("[]", "a"), Pattern::Outcome::kNoMatch) << "the empty class fits nothing";
  EXPECT_EQ(search("", ""), Pattern::Outcome::kMatch);
}

TEST(Pattern, TakesItsClassesFromEcmaScript) {
  for (const char* blank : {" ", "\t", "\v", "\u00a0", "\u2003", "\u2028", "\ufeff", "\u3000"})
    EXPECT_EQ(search("^\\s$", blank), Pattern::Outcome::kMatch) << blank;
  EXPECT_EQ(search("^\\S$", "\u00a0"), Pattern::Outcome::kNoMatch);
  EXPECT_EQ(search("^\\d$", "\u0663"), Pattern::Outcome::kNoMatch) << "an Arabic digit";
  EXPECT_EQ(search("^\\w$", "\u00e9"), Pattern::Outcome::kNoMatch);
  EXPECT_EQ(search("^.$", "\u2028"), Pattern::Outcome::kNoMatch) << "the end of a line";
  EXPECT_EQ(search("^\\p{Letter}$", "\u00e9"), Pattern::Outcome::kMatch);
  EXPECT_EQ(search("^(a)?\\1b$", "b"), Pattern::Outcome::kMatch) << "a group that matched nothing matches nothing";
  EXPECT_EQ(search("(?<=a)b", "ab"), Pattern::Outcome::kMatch);
  EXPECT_FALSE(Pattern::compile("\\Z").ok()) << "not ECMA-262's";
  EXPECT_FALSE(Pattern::compile("\\a").ok());
}

TEST(Pattern, SaysWhereItIsWrong) {
  const auto broken = Pattern::compile("abc[");
  ASSERT_FALSE(broken.ok());
  EXPECT_EQ(broken.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(broken.error().message.find("\"abc[\" is wrong at character 4"), std::string::npos)
      << broken.error().message;
}

TEST(Pattern, GivesUpRatherThanHoldTheThread) {
  EXPECT_EQ(search("^(a+)+$", std::string(60, 'a') + "!"), Pattern::Outcome::kTooCostly);
}

TEST(Pattern, TakesTextThatIsNoUtf8ForNoMatch) { EXPECT_NE(search("a", "a\xff"), Pattern::Outcome::kMatch); }

}  // namespace
}  // namespace mnema
