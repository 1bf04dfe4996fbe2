#include "cli/bench/answer_questions.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(AnswerQuestions, AreReadFromTheirFile) {
  const auto questions = parse_questions(R"(
    [[question]]
    ask = "How many?"
    facts = [["32", "thirty-two"], "tokens"]
    document = "GLOSSARY.md"
    [[question]]
    ask = "Who?"
    answerable = false
  )");
  ASSERT_TRUE(questions.ok()) << questions.error().text();
  ASSERT_EQ(questions->size(), 2U);
  EXPECT_EQ((*questions)[0].facts.size(), 2U);
  EXPECT_FALSE((*questions)[1].answerable);
}

TEST(AnswerQuestions, AreRefusedWhereWhatIsRightIsNotSaid) {
  EXPECT_NE(parse_questions("x = ").error().message.find("line 1"), std::string::npos);
  EXPECT_FALSE(parse_questions("").ok());
  EXPECT_FALSE(parse_questions("[[question]]\nask = \"a\"\ndocument = \"b\"").ok());
  EXPECT_FALSE(parse_questions("[[question]]\nask = \"a\"\nfacts = [[]]\ndocument = \"b\"").ok());
  EXPECT_FALSE(parse_questions("[[question]]\nask = \"a\"\nfacts = [[\"b\"]]").ok());
  EXPECT_FALSE(parse_questions("[[question]]\nfacts = [[\"b\"]]\ndocument = \"c\"").ok());
}

TEST(AnswerQuestions, OfTheRepositoryAreWellFormed) {
  for (const char* file : {"docs.toml", "held_out.toml"}) {
    const auto questions = read_questions(std::string(MNEMA_SOURCE_DIR) + "/bench/answers/" + file);
    EXPECT_TRUE(questions.ok()) << questions.error().text();
  }
}

TEST(AnswerQuestions, FindAFactWhateverItsCaseAndBlanksButNotInsideAnother) {
  EXPECT_TRUE(stands_in("It holds\n 32  TOKENS.", "32 tokens"));
  EXPECT_TRUE(stands_in("see `context_builder.cpp`", "context_builder.cpp"));
  EXPECT_FALSE(stands_in("It holds 132.", "32"));
  EXPECT_FALSE(stands_in("It holds 320.", "32"));
  EXPECT_TRUE(stands_in("132 and 32", "32"));
}

TEST(AnswerQuestions, WantEveryFactInOneOfItsSpellings) {
  AnswerQuestion question;
  question.facts = {{"32", "thirty-two"}, {"tokens"}};
  EXPECT_TRUE(has_facts(question, "thirty-two tokens"));
  EXPECT_FALSE(has_facts(question, "32"));
}

TEST(AnswerQuestions, WantADocumentByTheEndOfItsPath) {
  AnswerQuestion question;
  question.documents = {"GLOSSARY.md"};
  EXPECT_TRUE(cites_document(question, {"docs/A.md#L1", "docs/GLOSSARY.md#L3-L9"}));
  EXPECT_FALSE(cites_document(question, {"docs/A.md#L1"}));
}

}  // namespace
}  // namespace mnema
