#include "agents/turn/citations.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

const std::vector<Citation> kCitations = {
    {1, "A.md, lines 3–4", "docs/A.md#L3-L4", 0.9,
     "The mailbox stores every event before it is acknowledged. A lease lasts 60 seconds."},
    {2, "B.md, line 7", "docs/B.md#L7", 0.8, "Pages hold thirty-two tokens each. There are at most 1,024 pages."},
};
constexpr const char* kQuestion = "What do you know of this?";

CheckedAnswer check(const std::string& answer, const std::string& question = kQuestion,
                    const std::string& refusal = "") {
  CitationCheck::Options options;
  options.refusal = refusal;
  return check_citations(question, kCitations, answer, options);
}

TEST(Citations, StayWhereThePassageSupportsTheSentence) {
  const CheckedAnswer checked = check("Every event is stored in the mailbox [1]. Pages hold 32 tokens. [2]");
  EXPECT_EQ(checked.text, "Every event is stored in the mailbox [1]. Pages hold 32 tokens [2].");
  EXPECT_EQ(checked.unsupported, 0);
}

TEST(Citations, AreRemovedWhereTheirNumberNamesNoPassage) {
  EXPECT_EQ(check("Every event is stored in the mailbox [7].").text, "Every event is stored in the mailbox [1].");
  EXPECT_EQ(check("Every event is stored in the mailbox [0, 1, 9].").text, "Every event is stored in the mailbox [1].");
  EXPECT_EQ(check("[1] Every event is stored in the mailbox.").text, "Every event is stored in the mailbox [1].");
  EXPECT_EQ(check("[3] [4]").text, "");
}

TEST(Citations, MoveToThePassageThatSupportsTheSentence) {
  EXPECT_EQ(check("Pages hold 32 tokens [1].").text, "Pages hold 32 tokens [2].");
}

TEST(Citations, AreAddedWhereTheModelForgotThem) {
  EXPECT_EQ(check("A lease lasts 60 seconds.\nThere are at most 1024 pages.").text,
            "A lease lasts 60 seconds [1].\nThere are at most 1024 pages [2].");
}

TEST(Citations, AreReplacedByAMarkWhereNoPassageSupportsTheSentence) {
  const CheckedAnswer checked = check("Bananas grow in Ecuador [1]. Every event is stored in the mailbox.");
  EXPECT_EQ(checked.text, "Bananas grow in Ecuador [unsupported]. Every event is stored in the mailbox [1].");
  EXPECT_EQ(checked.unsupported, 1);
}

TEST(Citations, DoNotSupportAnotherNumber) {
  EXPECT_EQ(check("A lease lasts 90 seconds [1].").text, "A lease lasts 90 seconds [unsupported].");
}

TEST(Citations, AreNotEarnedByRepeatingTheQuestion) {
  EXPECT_EQ(check("The mailbox stores every event in Redis [1].", "Where does the mailbox store every event?").text,
            "The mailbox stores every event in Redis [unsupported].");
}

TEST(Citations, OfAnAgentThatMaySayMoreAreCheckedAndNothingIsAddedOrMarked) {
  CitationCheck::Options options;
  options.grounded = false;
  const std::string answer = "I paid it back [1]. A lease lasts 60 seconds [2]. Pages hold 32 tokens.";
  EXPECT_EQ(check_citations(kQuestion, kCitations, answer, options).text,
            "I paid it back. A lease lasts 60 seconds [1]. Pages hold 32 tokens.");
}

TEST(Citations, DoNotSupportANumberOfAPassageAboutSomethingElse) {
  const std::string question = "How many employees work on the harbour?";
  EXPECT_EQ(check("The number of employees is 60 [1].", question).text, "The number of employees is 60 [unsupported].");
  EXPECT_EQ(check("A lease lasts 60 seconds.", "How many seconds does a lease last?").text,
            "A lease lasts 60 seconds [1].");
}

TEST(Citations, LeaveCodeAndIndexesAlone) {
  const std::string code = "Write this:\n```\nbananas[7] = ecuador[1];\n```\n";
  EXPECT_EQ(check(code).text, code);
  EXPECT_EQ(check("Every event is stored in `mailbox[3]`.").text, "Every event is stored in `mailbox[3]` [1].");
}

TEST(Citations, AreAnnotationsWithFileLinesAndPlace) {
  const CheckedAnswer checked = check("Größe: 32 tokens, as pages hold [2]. A lease lasts 60 seconds [1].");
  ASSERT_EQ(checked.annotations.size(), 2U) << checked.text;
  EXPECT_EQ(checked.annotations[0].url, "docs/B.md#L7");
  EXPECT_EQ(checked.annotations[1].url, "docs/A.md#L3-L4");
  EXPECT_EQ(checked.annotations[1].title, "A.md, lines 3–4");
  // Characters, not bytes: "ö" and "ß" are one each.
  EXPECT_EQ(checked.annotations[0].start, 32);
  EXPECT_EQ(checked.annotations[0].end, 35);
}

TEST(Citations, TurnAnAnswerThatNothingSupportsIntoTheRefusal) {
  EXPECT_EQ(check("Bananas grow in Ecuador. Every event is stored in the mailbox.", kQuestion, "Not told.").text,
            "Not told.");
  EXPECT_EQ(check("The passages do not mention bananas. They grow in Ecuador.", kQuestion, "Not told.").text,
            "Not told.");
  const CheckedAnswer later =
      check("Every event is stored in the mailbox. Bananas grow in Ecuador.", kQuestion, "Not told.");
  EXPECT_FALSE(later.refused);
  EXPECT_EQ(later.text, "Every event is stored in the mailbox [1]. Bananas grow in Ecuador [unsupported].");
}

TEST(Citations, QuoteAShortPassageThatHasTheQuestionInsteadOfAnAnswerThatNothingSupports) {
  CitationCheck::Options options;
  options.refusal = "Not told.";
  options.quote_bytes_max = 200;
  const std::string made_up = "A lease is a contract for a flat.";
  const CheckedAnswer quoted = check_citations("How many seconds does a lease last?", kCitations, made_up, options);
  EXPECT_EQ(quoted.text, "The mailbox stores every event before it is acknowledged. A lease lasts 60 seconds [1].");
  EXPECT_TRUE(quoted.replaced);
  EXPECT_FALSE(quoted.refused);
  ASSERT_EQ(quoted.annotations.size(), 1U);
  EXPECT_EQ(quoted.annotations[0].url, "docs/A.md#L3-L4");
  // Not one that has half of it, nor another number, nor a long one, nor where the model says that none tells.
  for (const char* question : {"How long does a lease of a harbour berth last?", "Does a lease last 90 seconds?"}) {
    EXPECT_EQ(check_citations(question, kCitations, made_up, options).text, "Not told.") << question;
  }
  EXPECT_EQ(
      check_citations("How many seconds does a lease last?", kCitations, "The passages do not mention it.", options)
          .text,
      "Not told.");
  options.quote_bytes_max = 40;
  EXPECT_EQ(check_citations("How many seconds does a lease last?", kCitations, made_up, options).text, "Not told.");
}

TEST(Citations, AreTheSameHoweverTheAnswerComes) {
  const std::string answer =
      "Every event is stored in the mailbox [1]. Bananas grow in Ecuador [2] [9].\n\n1. Pages hold 32 tokens. [2]\n"
      "2. `x[1]` is code.\n```\n[1] [2]\n```\nIn short: yes [1]";
  const CheckedAnswer whole = check(answer);
  for (std::size_t size = 1; size < 30; ++size) {
    CitationCheck streamed(kQuestion, kCitations, {});
    std::string text;
    for (std::size_t at = 0; at < answer.size(); at += size) text += streamed.push(answer.substr(at, size));
    text += streamed.finish();
    EXPECT_EQ(text, whole.text) << "in pieces of " << size;
    EXPECT_EQ(streamed.annotations().size(), whole.annotations.size());
  }
}

TEST(Citations, OfAStructuredAnswerAreThePassagesThatSupportItAsAWhole) {
  const auto sources = sources_of(kQuestion, kCitations, R"({"lease_seconds": 60, "lasts": "seconds"})");
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0].url, "docs/A.md#L3-L4");
}

TEST(Refusal, IsASentenceThatSaysThatTheTextsDoNotTell) {
  for (const char* text :
       {"The passages do not tell.", "The documents don't mention the price.", "I do not know.",
        "There is no information about Redis in the passages.", "The provided text does not specify a year."}) {
    EXPECT_TRUE(is_refusal(text)) << text;
  }
  for (const char* text : {"A cancelled chat does not leave a trace.", "No.", "The lease lasts 60 seconds."}) {
    EXPECT_FALSE(is_refusal(text)) << text;
  }
}

}  // namespace
}  // namespace mnema
