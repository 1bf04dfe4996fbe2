#include "memory/embedding_queue.hpp"

#include <gtest/gtest.h>

#include "memory/entry_store.hpp"
#include "memory/vector_store.hpp"
#include "tests/memory/rows.hpp"
#include "tests/memory/word_embedder.hpp"

namespace mnema {
namespace {

class Queue : public testing::Rows {
 public:
  explicit Queue(std::uint64_t seed = 1) : Rows(seed) { start(); }

  void start() {
    Executor& background = simulation.lane("background", Simulation::LaneKind::kAnyOrder);
    index =
        std::make_shared<IndexKeeper>(IndexKeeper::Options{"", embedder.id(), embedder.dimensions(), {}}, background);
    const auto loaded = read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(index->load(transaction));
      return 0;
    });
    CHECK(loaded.ok(), "the index is read in");
    queue = std::make_shared<EmbeddingQueue>(*database, embedder, index, background, [] { return 7; });
    queue->start();
  }

  void die() {
    disk.crash(simulation.random());
    simulation.crash();
    queue.reset();
    index.reset();
    database.reset();
    simulation.crash();
  }

  EntryId add(const std::string& text) {
    const auto added = write<EntryId>([&](Transaction& transaction) -> Result<EntryId> {
      entry_store::NewEntry entry;
      ASSIGN_OR_RETURN(entry.where, scope_store::intern(transaction, {"acme", "", "", ""}));
      entry.text = text;
      transaction.after_commit([keep = queue] { keep->wake(); });
      return entry_store::add(transaction, entry);
    });
    return added.value();
  }

  Status emptied() {
    return answered<void>(
        [&](std::function<void(Status)> on_done) { queue->when_empty(simulation.lane("loop"), std::move(on_done)); });
  }
  std::int64_t pending() { return number("SELECT count(*) FROM memory_pending_vectors"); }
  std::int64_t vectors() { return number("SELECT count(*) FROM memory_vectors"); }
  Status integrity() {
    const auto checked = read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(index->check_integrity(transaction));
      return 0;
    });
    return checked.ok() ? Status() : Status(checked.error());
  }

  testing::WordEmbedder embedder;
  std::shared_ptr<IndexKeeper> index;
  std::shared_ptr<EmbeddingQueue> queue;
};

TEST(EmbeddingQueue, GivesEveryEntryItsVectorInTheOrderInWhichTheyCame) {
  Queue queue;
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i));
  for (const std::string& text : texts) queue.add(text);
  ASSERT_TRUE(queue.emptied().ok());
  EXPECT_EQ(queue.pending(), 0);
  EXPECT_EQ(queue.vectors(), 40);
  std::vector<std::string> asked;
  for (const auto& batch : queue.embedder.asked) asked.insert(asked.end(), batch.begin(), batch.end());
  EXPECT_EQ(asked, texts);
}

// "It has its vector" means that a recall finds it by that vector, not that the index will come to know it soon.
TEST(EmbeddingQueue, SaysEmptyOnlyWhenTheIndexHasTheVectors) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Queue queue(seed);
    for (int i = 0; i < 20; ++i) queue.add("text " + std::to_string(i));
    ASSERT_TRUE(queue.emptied().ok());
    const Status same = queue.integrity();
    ASSERT_TRUE(same.ok()) << "seed " << seed << ": " << same.error().text();
  }
}

TEST(EmbeddingQueue, LosesNothingAndDoesNothingTwiceWhateverDiesWhen) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Queue queue(seed);
    int added = 0;
    for (int life = 0; life < 4; ++life) {
      for (std::uint64_t more = queue.simulation.random().below(30); more > 0; --more, ++added) {
        queue.add("text " + std::to_string(added));
      }
      for (std::uint64_t steps = queue.simulation.random().below(60); steps > 0; --steps) queue.simulation.run_one();
      queue.die();
      queue.open_database();
      queue.start();
    }
    ASSERT_TRUE(queue.emptied().ok()) << "seed " << seed;
    EXPECT_EQ(queue.vectors(), added) << "seed " << seed;
    EXPECT_EQ(queue.number("SELECT count(DISTINCT entry_id) FROM memory_vectors"), added) << "seed " << seed;
    EXPECT_TRUE(queue.integrity().ok()) << "seed " << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(EmbeddingQueue, AsksAFailingEmbedderAgainAfterGrowingPauses) {
  Queue queue;
  queue.embedder.failure = fail(ErrorCode::kUnavailable, "the encoder is not loaded");
  queue.add("text");
  const Status waited = queue.emptied();
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().message, "the encoder is not loaded");
  queue.simulation.run_for(std::chrono::minutes(10));
  EXPECT_GT(queue.embedder.asked.size(), 5U);
  EXPECT_LT(queue.embedder.asked.size(), 20U);
  queue.embedder.failure.reset();
  queue.simulation.run_for(std::chrono::minutes(2));
  EXPECT_EQ(queue.pending(), 0);
  EXPECT_EQ(queue.vectors(), 1);
}

TEST(EmbeddingQueue, StoresNoVectorOfAnotherLengthThanPromised) {
  Queue queue;
  queue.embedder.given_dimensions = 3;
  queue.add("text");
  const Status waited = queue.emptied();
  ASSERT_FALSE(waited.ok());
  EXPECT_NE(waited.error().message.find("3 dimensions"), std::string::npos) << waited.error().message;
  EXPECT_EQ(queue.vectors(), 0);
  EXPECT_EQ(queue.pending(), 1);
}

TEST(EmbeddingQueue, StoresNoVectorOfWhatIsGoneMeanwhile) {
  Queue queue;
  queue.embedder.silent = true;
  const EntryId entry = queue.add("text");
  queue.simulation.run_ready();
  const auto removed = queue.write<std::vector<VectorLabel>>(
      [&](Transaction& transaction) { return entry_store::remove(transaction, 1, entry, 1); });
  ASSERT_TRUE(removed.ok());
  queue.die();
  queue.embedder.silent = false;
  queue.open_database();
  queue.start();
  ASSERT_TRUE(queue.emptied().ok());
  EXPECT_EQ(queue.vectors(), 0);
}

TEST(EmbeddingQueue, CancelsWhoWaitsWhenItIsClosed) {
  Queue queue;
  queue.embedder.silent = true;
  queue.add("text");
  std::optional<Status> answer;
  queue.queue->when_empty(queue.simulation.lane("loop"), [&](Status status) { answer = std::move(status); });
  queue.simulation.run_ready();
  EXPECT_FALSE(answer.has_value());
  queue.queue->close();
  queue.simulation.run_ready();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, ErrorCode::kCancelled);
  EXPECT_EQ(queue.emptied().error().code, ErrorCode::kCancelled) << "who asks later too";
  queue.embedder.silent = false;
  queue.queue->wake();
  queue.simulation.run_ready();
  EXPECT_EQ(queue.embedder.asked.size(), 1U) << "nothing starts any more";
}

}  // namespace
}  // namespace mnema
