#include "memory/store.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::document;
using testing::kAll;
using testing::Opened;
using testing::source_of;
using Texts = std::vector<std::string>;

const Scope kChat{"local", "", "", "chat"};

TEST(MemoryStore, HasEverythingAgainAfterARestart) {
  Opened fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.ingest(document("a.md", "# Bread\nBread needs flour.")).ok());
  ASSERT_TRUE(fixture.embedded().ok());
  const std::size_t asked = fixture.embedder->asked.size();
  fixture.reopen();
  EXPECT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.embedder->asked.size(), asked) << "vectors are kept, not made again";
  const MemoryStatistics statistics = fixture.memory->statistics().value();
  EXPECT_EQ(statistics.episodes, 1);
  EXPECT_EQ(statistics.documents, 1);
  EXPECT_EQ(statistics.chunks, 1);
  EXPECT_EQ(statistics.vectors, 2);
  EXPECT_EQ(statistics.vectors_pending, 0);
  EXPECT_EQ(statistics.index_rebuilds, 0) << "the index came from its file";
  EXPECT_EQ(statistics.embedder_id, "words/1");
  EXPECT_EQ(fixture.recalled("ferry to Oslo"), Texts{"the ferry to Oslo leaves at noon"});
  EXPECT_EQ(fixture.recalled("flour for bread"), Texts{"Bread needs flour."});
  EXPECT_EQ(fixture.memory->thread(kChat, "thread", 10)->front().episode.text, "the ferry to Oslo leaves at noon");
  EXPECT_EQ(fixture.memory->sources(kAll)->front().uri, "a.md");
  EXPECT_TRUE(fixture.memory->verify_chain("local", "thread").ok());
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(MemoryStore, LosesNothingAnsweredWhateverDiesWhen) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Opened fixture(seed);
    Random& random = fixture.simulation.random();
    std::vector<std::string> answered;
    std::map<std::string, std::string> documents;
    for (int life = 0; life < 3; ++life) {
      for (std::uint64_t acts = random.below(20); acts > 0; --acts) {
        if (random.below(3) == 0) {
          const std::string uri = "d" + std::to_string(random.below(4)) + ".md";
          const std::string bytes = "content " + std::to_string(random.below(5));
          if (fixture.ingest(document(uri, bytes)).ok()) documents[uri] = bytes;
        } else {
          answered.push_back("said " + std::to_string(answered.size()));
          fixture.remember(answered.back());
        }
        for (std::uint64_t steps = random.below(20); steps > 0; --steps) fixture.simulation.run_one();
        if (random.below(8) == 0) {
          EXPECT_TRUE(fixture.memory->save_indexes().ok());
        }
      }
      fixture.crash();
      const Status opened = fixture.open();
      ASSERT_TRUE(opened.ok()) << "seed " << seed << ": " << opened.error().text();
    }
    ASSERT_TRUE(fixture.embedded().ok()) << "seed " << seed;
    std::vector<std::string> there;
    const auto thread = fixture.memory->thread(kChat, "thread", 1'000);
    for (const StoredEpisode& episode : thread.value()) {
      there.push_back(episode.episode.text);
    }
    EXPECT_EQ(there, answered) << "seed " << seed;
    EXPECT_EQ(fixture.memory->sources(kAll)->size(), documents.size()) << "seed " << seed;
    EXPECT_EQ(fixture.memory->statistics()->chunks, static_cast<std::int64_t>(documents.size())) << "seed " << seed;
    const Status checked = fixture.memory->check_integrity();
    EXPECT_TRUE(checked.ok()) << "seed " << seed << ": " << checked.error().text();
    if (!answered.empty()) {
      EXPECT_TRUE(fixture.memory->verify_chain("local", "thread").ok()) << "seed " << seed;
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(MemoryStore, RemembersNothingOfAUnitThatFails) {
  Opened fixture;
  const auto failed = fixture.write<EpisodeId>([&](Transaction& transaction) -> Result<EpisodeId> {
    Episode episode;
    episode.scope = kChat;
    episode.text = "never happened";
    RETURN_IF_ERROR(fixture.memory->append_episode(transaction, episode).ok() ? Status() : Status(Error{}));
    return fail(ErrorCode::kAborted, "the turn lost");
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kAborted);
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_TRUE(fixture.recalled("never happened").empty());
  EXPECT_EQ(fixture.memory->statistics()->vectors, 0);
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(MemoryStore, SeesEachBreachOfItsInvariant) {
  for (const char* breach :
       {"DELETE FROM memory_text_1 WHERE rowid = 1", "DELETE FROM memory_vectors WHERE entry_id = 1",
        "INSERT INTO memory_text_1 (rowid, terms) VALUES (99, 'ghost')",
        "INSERT INTO memory_vectors (entry_id, facet, embedder_id, tenant_id, scope_id, vector)"
        " SELECT entry_id, facet, embedder_id, tenant_id, scope_id, vector FROM memory_vectors LIMIT 1",
        "INSERT INTO memory_entries (scope_id, kind, time_us, trust, text) VALUES (1, 0, 0, 0, 'planted')"}) {
    Opened fixture;
    fixture.remember("the ferry to Oslo leaves at noon");
    fixture.remember("bread needs flour");
    ASSERT_TRUE(fixture.embedded().ok());
    ASSERT_TRUE(fixture.memory->check_integrity().ok());
    fixture.execute(breach);
    const Status checked = fixture.memory->check_integrity();
    ASSERT_FALSE(checked.ok()) << breach;
    EXPECT_EQ(checked.error().code, ErrorCode::kCorrupt) << breach;
  }
}

TEST(MemoryStore, ClosesTwiceAndAnswersWhatIsAskedAfterwards) {
  Opened fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.memory->close();
  fixture.memory->close();
  RecallQuery query;
  query.scope = kChat;
  query.text = "ferry";
  EXPECT_EQ(fixture.recall(query).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fixture.ingest(document("a.md", "text")).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fixture.ingest(source_of(fixture.folder)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fixture.retire(kAll, "a.md").error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fixture.embedded().error().code, ErrorCode::kCancelled);
  fixture.memory->prestage("ferry");
  EXPECT_TRUE(fixture.simulation.run_until_idle());
}

TEST(MemoryStore, CancelsWhatIsStillToComeWhenItIsClosed) {
  Opened fixture;
  fixture.embedder->silent = true;
  fixture.remember("the ferry to Oslo leaves at noon");
  int cancelled = 0;
  const auto count = [&](const auto& answer) {
    EXPECT_FALSE(answer.ok());
    cancelled += !answer.ok() && answer.error().code == ErrorCode::kCancelled ? 1 : 0;
  };
  Executor& loop = fixture.simulation.lane("loop");
  fixture.memory->when_embedded(loop, count);
  fixture.memory->ingest_document(document("a.md", "text"), loop, count);
  fixture.memory->close();
  fixture.simulation.run_ready();
  EXPECT_EQ(cancelled, 2);
}

// Nothing that stands in an executor may trip over a store that went without being closed.
TEST(MemoryStore, GoesWithWorkInFlight) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Opened fixture(seed);
    for (int i = 0; i < 5; ++i) fixture.remember("said " + std::to_string(i));
    RecallQuery query;
    query.scope = kChat;
    query.text = "said";
    bool answered = false;
    fixture.memory->recall(query, fixture.simulation.lane("loop"), [&](const Result<Recalled>&) { answered = true; });
    for (std::uint64_t steps = fixture.simulation.random().below(10); steps > 0; --steps) fixture.simulation.run_one();
    fixture.memory.reset();
    const std::size_t asked = fixture.embedder->asked.size();
    fixture.simulation.run_until_idle();
    EXPECT_TRUE(answered) << "seed " << seed;
    EXPECT_LE(fixture.embedder->asked.size(), asked + 1) << "at most the question that was on its way, seed " << seed;
  }
}

TEST(MemoryStore, MakesAllVectorsAgainForAnotherEmbedderAndBack) {
  Opened fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.close();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("words/2", 64);
  ASSERT_TRUE(fixture.open().ok());
  EXPECT_EQ(fixture.recalled("ferry to Oslo").size(), 1U) << "by words until the vectors are there";
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.remember("bread needs flour");
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.memory->statistics()->vectors, 2);
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
  fixture.close();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("words/1");
  ASSERT_TRUE(fixture.open().ok());
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.memory->statistics()->vectors, 2) << "what came meanwhile has a vector of this embedder too";
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(MemoryStore, RefusesAnEmbedderThatChangedItsDimensionsUnderItsName) {
  Opened fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.close();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("words/1", 64);
  const Status refused = fixture.open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("128"), std::string::npos) << refused.error().text();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("words/1");
  ASSERT_TRUE(fixture.open().ok());
}

TEST(MemoryStore, AsksForTheVectorOfAPrestagedQuestionOnce) {
  Opened fixture;
  fixture.memory->prestage("ferry to Oslo");
  fixture.simulation.run_ready();
  EXPECT_EQ(fixture.embedder->asked.size(), 1U);
  (void)fixture.recalled("ferry to Oslo");
  EXPECT_EQ(fixture.embedder->asked.size(), 1U);
}

TEST(MemoryStore, GoesByWordsWithoutAnEmbedderAndMakesTheVectorsWhenThereIsOne) {
  Opened fixture;
  fixture.close();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("none", 0);
  ASSERT_TRUE(fixture.open().ok());
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.simulation.run_until_idle();
  EXPECT_EQ(fixture.recalled("ferry to Oslo"), Texts{"the ferry to Oslo leaves at noon"});
  EXPECT_EQ(fixture.embedded().error().code, ErrorCode::kFailedPrecondition);
  bool prestaged = false;
  fixture.memory->prestage("ferry", [&] { prestaged = true; });
  EXPECT_TRUE(prestaged);
  ASSERT_TRUE(fixture.ingest(document("a.md", "# Bread\nBread needs flour.")).ok());
  ASSERT_TRUE(fixture.retire(kAll, "a.md").ok());
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
  EXPECT_TRUE(fixture.embedder->asked.empty());
  fixture.close();
  fixture.embedder = std::make_unique<testing::WordEmbedder>("words/1");
  ASSERT_TRUE(fixture.open().ok());
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.memory->statistics()->vectors, 1);
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(MemoryStore, AbandonsTheEmbeddingBacklogWhenBackgroundWorkStopsAndGoesOnAfterTheNextOpen) {
  Opened fixture;
  fixture.embedder->silent = true;  // a batch is in flight
  for (int i = 0; i < 100; ++i) fixture.remember("the ferry " + std::to_string(i) + " to Oslo");
  fixture.simulation.run_ready();
  const std::size_t asked = fixture.embedder->asked.size();
  EXPECT_GE(asked, 1U);
  fixture.memory->stop_background();
  fixture.embedder->silent = false;
  fixture.simulation.run_for(std::chrono::minutes(1));
  EXPECT_EQ(fixture.embedder->asked.size(), asked) << "no further batch begins";
  EXPECT_FALSE(fixture.recalled("ferry").empty()) << "turns that still run recall";
  fixture.reopen();
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.memory->statistics()->vectors, 100);
}

TEST(MemoryStore, WantsToKnowWhoAsks) {
  Opened fixture;
  RecallQuery query;
  query.scope.tenant.clear();
  query.text = "anything";
  EXPECT_EQ(fixture.recall(query).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema
