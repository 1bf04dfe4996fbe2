#include "agents/excerpts.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mnema {
namespace {

Recalled recalled(const std::vector<std::string>& texts) {
  Recalled made;
  for (const std::string& text : texts) {
    RecallHit hit;
    hit.id = static_cast<EntryId>(made.hits.size()) + 1;
    hit.text = text;
    hit.relevance = 0.9;
    made.hits.push_back(std::move(hit));
  }
  return made;
}

std::vector<std::string> texts(const Recalled& recalled) {
  std::vector<std::string> found;
  for (const RecallHit& hit : recalled.hits) found.push_back(hit.text);
  return found;
}

using Texts = std::vector<std::string>;

constexpr const char* kBoats =
    "| boat | length | built |\n|---|---|---|\n| Tern | 9 m | 1950 |\n| Gull | 12 m | 1961 |\n| Auk | 7 m | 1972 |\n";

TEST(Excerpts, ShowTheRowThatIsAskedFor) {
  EXPECT_EQ(texts(excerpts(recalled({kBoats}), "When was the Gull built?")),
            (Texts{"Gull: length: 12 m; built: 1961"}));
}

TEST(Excerpts, ShowOnlyTheDefinitionWhereOneIsAskedFor) {
  const Recalled found =
      recalled({"A lease is renewed while a turn runs, and a lease that ends is taken back.",
                "| word | what it is |\n|---|---|\n| lease | the time a turn may keep an event |\n"});
  for (const char* question : {"What is a lease?", "What does 'lease' mean?", "Define the term lease."}) {
    EXPECT_EQ(texts(excerpts(found, question)), (Texts{"lease: what it is: the time a turn may keep an event"}))
        << question;
  }
}

TEST(Excerpts, PutTheTextThatHasTheAnswerFirst) {
  const Recalled found = recalled({"The harbour has two cranes. Ships wait outside.",
                                   "The tide tables are printed yearly. The harbour master is Ada Finch."});
  const Recalled narrowed = excerpts(found, "Who is the harbour master?");
  ASSERT_FALSE(narrowed.hits.empty());
  EXPECT_EQ(narrowed.hits[0].text, "The tide tables are printed yearly. The harbour master is Ada Finch.");
  EXPECT_EQ(narrowed.hits[0].id, 2);
}

TEST(Excerpts, ShowASentenceWithThoseItGoesOnFrom) {
  const Recalled found =
      recalled({"One. Two. The keepers of the lighthouse were three. Each had a month on duty. "
                "The last left in 1988. The light was sold. The end."});
  EXPECT_EQ(texts(excerpts(found, "When did the keepers leave the lighthouse?")),
            (Texts{"Two. The keepers of the lighthouse were three. Each had a month on duty. The last left in 1988. "
                   "The light was sold."}));
}

TEST(Excerpts, StayWithinTheirTokens) {
  std::vector<std::string> many;
  for (int i = 0; i < 12; ++i)
    many.push_back("Crane " + std::to_string(i) + " lifts forty tonnes over the harbour wall.");
  ExcerptOptions options;
  options.tokens_max = 40;
  options.hits_max = 12;
  const Recalled narrowed = excerpts(recalled(many), "How much does a crane lift over the harbour wall?", options);
  EXPECT_LE(narrowed.hits.size(), 3U);
  EXPECT_GE(narrowed.hits.size(), 1U);
}

TEST(Excerpts, LeaveTextsWholeWhereTheQuestionHasOtherWords) {
  const Recalled found = recalled({kBoats, "Ships wait outside. Pilots board at dawn.", "c", "d", "e"});
  const Recalled whole = excerpts(found, "Which vessels were constructed last century?");
  ASSERT_EQ(whole.hits.size(), 4U);
  EXPECT_EQ(whole.hits[0].text, kBoats);
}

TEST(Excerpts, OfNothingAreNothing) {
  EXPECT_TRUE(excerpts({}, "What is a lease?").hits.empty());
  EXPECT_EQ(texts(excerpts(recalled({"Ships wait."}), "")), (Texts{"Ships wait."}));
  EXPECT_EQ(texts(excerpts(recalled({"Ships wait."}), "What is it?")), (Texts{"Ships wait."}));
}

}  // namespace
}  // namespace mnema
