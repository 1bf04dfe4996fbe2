#include "memory/semantic/fact_store.hpp"

#include <gtest/gtest.h>

#include "memory/semantic/extract.hpp"
#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Opened;

Time at(int day_of_2025) {
  return Time(std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)) + std::chrono::hours(24 * day_of_2025 + 12);
}

struct Talk : Opened {
  EpisodeId say(const std::string& text, int day, const Scope& scope = {"local", "bot", "anna", ""},
                Trust trust = Trust::kUser, const std::string& role = "user") {
    Episode episode;
    episode.scope = scope;
    episode.thread = "talk";
    episode.role = role;
    episode.text = text;
    episode.time = at(day);
    episode.trust = trust;
    const EpisodeId id = remember(episode).value();
    CHECK(consolidated().ok(), "facts are made");
    return id;
  }
  std::string known(int day, const Scope& asker = {"local", "bot", "anna", "s"}, std::optional<Time> believed = {}) {
    FactQuery query;
    query.scope = asker;
    query.valid = at(day);
    query.known = believed;
    std::string lines;
    const Facts found = facts(query).value();
    for (const Fact& fact : found.facts) {
      lines += (lines.empty() ? "" : ", ") + fact.subject + " " + fact.predicate + (fact.negated ? " not " : " ") +
               fact.object;
    }
    return lines;
  }
  Status erase(EpisodeId id, const std::string& tenant = "local") {
    const Result<Erasure> erased = Fixture::erase({{tenant, "", "", ""}, id});
    return erased.ok() ? Status() : Status(erased.error());
  }
};

TEST(FactStore, BringsTheOldFactBackWhenTheNewOnesEvidenceIsErased) {
  Talk talk;
  talk.say("I live in Hamburg.", 1);
  const EpisodeId move = talk.say("I moved to Lisbon.", 50);
  EXPECT_EQ(talk.known(60), "user location Lisbon");
  EXPECT_EQ(talk.known(20), "user location Hamburg");
  ASSERT_TRUE(talk.erase(move).ok());
  EXPECT_EQ(talk.known(60), "user location Hamburg");
  ASSERT_TRUE(talk.embedded().ok());
  const Status integrity = talk.memory->check_integrity();
  EXPECT_TRUE(integrity.ok()) << integrity.error().text();
  EXPECT_TRUE(talk.memory->verify_chain("local", "talk").ok()) << "the chain holds over what was erased";
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_entries WHERE text LIKE '%Lisbon%'"), 0);
  EXPECT_EQ(talk.erase(move).error().code, ErrorCode::kNotFound);
}

TEST(FactStore, DoesNotEraseAnotherTenantsEpisode) {
  Talk talk;
  const EpisodeId id = talk.say("I live in Hamburg.", 1);
  EXPECT_EQ(talk.erase(id, "other").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(talk.known(10), "user location Hamburg");
}

TEST(FactStore, ShowsNobodyTheFactsOfAnotherUserOrTenant) {
  Talk talk;
  talk.say("I live in Hamburg.", 1);
  talk.say("I live in Oslo.", 2, {"local", "bot", "bert", ""});
  talk.say("I live in Rome.", 3, {"acme", "bot", "anna", ""});
  EXPECT_EQ(talk.known(10), "user location Hamburg");
  EXPECT_EQ(talk.known(10, {"local", "bot", "bert", "s"}), "user location Oslo");
  EXPECT_EQ(talk.known(10, {"local", "bot", "", "s"}), "") << "nobody known";
  EXPECT_EQ(talk.known(10, {"local", "other", "anna", "s"}), "") << "another agent";
  EXPECT_EQ(talk.known(10, {"acme", "bot", "anna", "s"}), "user location Rome");
  EXPECT_EQ(talk.known(10, {"local", "bot", "bert", "s"}, at(9)), "user location Oslo") << "nor as of the past";
}

TEST(FactStore, AnswersAsOfWhatWasKnown) {
  Talk talk;
  talk.say("I live in Hamburg.", 1);
  talk.say("I moved to Lisbon three weeks ago.", 50);
  EXPECT_EQ(talk.known(40), "user location Lisbon");
  EXPECT_EQ(talk.known(40, {"local", "bot", "anna", "s"}, at(45)), "user location Hamburg");
}

TEST(FactStore, KeepsTheLabelOfTextFromOutside) {
  Talk talk;
  talk.say("The Basic plan costs 12 EUR.", 1, {"local", "bot", "anna", ""}, Trust::kExternal);
  FactQuery query;
  query.scope = {"local", "bot", "anna", ""};
  query.valid = at(2);
  const Facts found = talk.facts(query).value();
  ASSERT_EQ(found.facts.size(), 1U);
  EXPECT_EQ(found.facts[0].trust, Trust::kExternal);
}

TEST(FactStore, NeverReadsAgainWhatMemoryHadTold) {
  Talk talk;
  Episode episode;
  episode.scope = {"local", "bot", "anna", ""};
  episode.thread = "talk";
  episode.role = "assistant";
  episode.text = "You live in Hamburg. The Basic plan costs 12 EUR.";
  episode.time = at(1);
  episode.trust = Trust::kUser;
  episode.attributes[kFromMemory] = "1";
  ASSERT_TRUE(talk.remember(episode).ok());
  ASSERT_TRUE(talk.consolidated().ok());
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_claims"), 0);
}

TEST(FactStore, ChoosesWhatTheQuestionIsAboutAndKeepsTheOrder) {
  Talk talk;
  talk.say("I live in Hamburg. I love jazz, opera and sailing. My birthday is on 3 May. Tom lives in Paris.", 1);
  FactQuery query;
  query.scope = {"local", "bot", "anna", ""};
  query.valid = at(2);
  query.facts_max = 2;
  query.text = "Where does Tom live, and do I like jazz?";
  const Facts found = talk.facts(query).value();
  ASSERT_EQ(found.facts.size(), 2U);
  EXPECT_EQ(found.left_out, 4);
  EXPECT_EQ(found.facts[0].subject, "Tom");
  EXPECT_EQ(found.facts[1].object, "jazz");
}

TEST(FactStore, CountsOnlyTheLatestClaimsOfAKey) {
  Talk talk;
  for (int i = 0; i < 300; ++i) {
    Episode episode;
    episode.scope = {"local", "bot", "anna", ""};
    episode.thread = "talk";
    episode.role = "user";
    episode.text = "Tank 3 is at " + std::to_string(i % 100) + " %.";
    episode.time = at(1) + std::chrono::minutes(i);
    episode.trust = Trust::kUser;
    ASSERT_TRUE(talk.remember(episode).ok());
  }
  ASSERT_TRUE(talk.consolidated().ok());
  EXPECT_EQ(talk.known(3), "Tank 3 level 99 %");
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_facts"), FactLimits{}.claims_per_key_max);
  ASSERT_TRUE(talk.embedded().ok());
  EXPECT_TRUE(talk.memory->check_integrity().ok());
}

TEST(FactStore, FindsFactsThatAreNotWhatTheirEvidenceSays) {
  Talk talk;
  talk.say("I live in Hamburg.", 1);
  ASSERT_TRUE(talk.embedded().ok());
  ASSERT_TRUE(talk.memory->check_integrity().ok());
  talk.execute("UPDATE memory_facts SET object = 'Rome'");
  EXPECT_EQ(talk.memory->check_integrity().error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
