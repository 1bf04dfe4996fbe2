#include "agents/citations.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

const std::vector<Citation> kCitations = {
    {1, "A.md", "", 0.9, "The mailbox stores every event before it is acknowledged."},
    {2, "B.md", "docs/B.md", 0.8, "Pages hold thirty-two tokens each."},
};

TEST(Citations, FindsTheNumbersTheModelWrote) {
  const auto found = cited_in("Pages hold 32 tokens [2]. Events are stored [1], [2].", kCitations);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].number, 2);
  EXPECT_EQ(found[1].number, 1);
}

TEST(Citations, IgnoresNumbersThatNoPassageHas) {
  EXPECT_TRUE(cited_in("as in [3], [0], [12345], [x], [, [1", kCitations).empty());
}

TEST(Citations, ComparesWordsWhenTheModelWroteNoNumber) {
  const Sources sources = sources_of("Every event is stored in the mailbox before it is acknowledged.", kCitations);
  EXPECT_FALSE(sources.cited_by_model);
  ASSERT_EQ(sources.citations.size(), 1U);
  EXPECT_EQ(sources.citations[0].number, 1);
}

TEST(Citations, ClaimsNoSourceForAnAnswerThatRestsOnNone) {
  EXPECT_EQ(sources_text("Bananas grow in Ecuador.", kCitations), "\n\nPassages read:\n[1] A.md\n[2] B.md (docs/B.md)");
  EXPECT_EQ(sources_text("Thirty-two tokens [2].", kCitations), "\n\nSources:\n[2] B.md (docs/B.md)");
  EXPECT_EQ(sources_text("anything", {}), "");
}

}  // namespace
}  // namespace mnema
