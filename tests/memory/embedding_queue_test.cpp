#include "memory/embedding_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <map>

#include "memory/entry_store.hpp"
#include "memory/vector_store.hpp"
#include "runtime/base/log.hpp"
#include "tests/memory/rows.hpp"
#include "tests/memory/word_embedder.hpp"

namespace mnema {
namespace {

constexpr int kAttemptsMax = 3;

class Queue : public testing::Rows {
 public:
  explicit Queue(std::uint64_t seed = 1) : Rows(seed) { start(); }

  void start() {
    Executor& background = simulation.lane("background", Simulation::LaneKind::kAnyOrder);
    index = std::make_shared<IndexKeeper>(
        IndexKeeper::Options{"", embedder_in_use->id(), embedder_in_use->dimensions(), {}}, background);
    const auto loaded = read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(index->load(transaction));
      return 0;
    });
    CHECK(loaded.ok(), "the index is read in");
    queue = std::make_shared<EmbeddingQueue>(
        *database, *embedder_in_use, index, background, [] { return 7; }, kAttemptsMax);
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

  /// How many entries have no vector for good.
  Result<std::int64_t> emptied() {
    return answered<std::int64_t>([&](std::function<void(Result<std::int64_t>)> on_done) {
      queue->when_empty(simulation.lane("loop"), std::move(on_done));
    });
  }
  std::int64_t pending() { return number("SELECT count(*) FROM memory_pending_vectors"); }
  std::int64_t vectors() { return number("SELECT count(*) FROM memory_vectors"); }
  Status integrity() {
    const auto checked = read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(index->check_integrity(transaction));
      RETURN_IF_ERROR(vector_store::check_integrity(transaction, embedder_in_use->id()));
      return 0;
    });
    return checked.ok() ? Status() : Status(checked.error());
  }

  testing::WordEmbedder embedder;
  testing::WordEmbedder other{"words/2"};
  testing::WordEmbedder* embedder_in_use = &embedder;
  std::shared_ptr<IndexKeeper> index;
  std::shared_ptr<EmbeddingQueue> queue;
};

TEST(EmbeddingQueue, GivesEveryEntryItsVectorOnceAndOfAllThatWaitTheNewestFirst) {
  Queue queue;
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("text " + std::to_string(i));
  for (const std::string& text : texts) queue.add(text);
  ASSERT_TRUE(queue.emptied().ok());
  EXPECT_EQ(queue.pending(), 0);
  EXPECT_EQ(queue.vectors(), 40);
  std::vector<std::string> asked;
  for (const auto& batch : queue.embedder.asked) asked.insert(asked.end(), batch.begin(), batch.end());
  const std::vector<std::string>& first = queue.embedder.asked.front();
  EXPECT_EQ(std::vector<std::string>(first.rbegin(), first.rend()),
            std::vector<std::string>(texts.begin(), texts.begin() + static_cast<long>(first.size())));
  std::sort(asked.begin(), asked.end());
  std::sort(texts.begin(), texts.end());
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
  const Result<std::int64_t> waited = queue.emptied();
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
  const Result<std::int64_t> waited = queue.emptied();
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
  std::optional<Result<std::int64_t>> answer;
  queue.queue->when_empty(queue.simulation.lane("loop"), [&](const Result<std::int64_t>& result) { answer = result; });
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

Error too_long() { return fail(ErrorCode::kInvalidArgument, "the text has a shape that the encoder does not read"); }

TEST(EmbeddingQueue, SetsATextAsideThatTheEmbedderRefusesAndGoesOnWithAllOthers) {
  Queue queue;
  for (const int bad : {0, 7, 8, 29}) queue.embedder.refused.emplace("text " + std::to_string(bad), too_long());
  for (int i = 0; i < 40; ++i) queue.add("text " + std::to_string(i));
  const Result<std::int64_t> refused = queue.emptied();
  ASSERT_TRUE(refused.ok()) << refused.error().text();
  EXPECT_EQ(*refused, 4);
  EXPECT_EQ(queue.vectors(), 36);
  EXPECT_EQ(queue.pending(), 4) << "they keep their place for another embedder";
  EXPECT_TRUE(queue.integrity().ok());
  std::map<std::string, int> alone;
  for (const auto& batch : queue.embedder.asked) alone[batch.front()] += batch.size() == 1 ? 1 : 0;
  for (const auto& [bad, because] : queue.embedder.refused) EXPECT_EQ(alone[bad], kAttemptsMax) << bad;
  const std::size_t asked = queue.embedder.asked.size();
  queue.add("later");
  EXPECT_EQ(queue.emptied().value(), 4);
  queue.simulation.run_for(std::chrono::minutes(10));
  EXPECT_EQ(queue.embedder.asked.size(), asked + 1) << "nobody asks for them again";
}

TEST(EmbeddingQueue, LetsNewTextsPassThoseThatWaitForTheirNextAttempt) {
  Queue queue;
  queue.embedder.refused.emplace("bad", too_long());
  queue.add("bad");
  queue.simulation.run_ready();
  ASSERT_EQ(queue.number("SELECT attempts FROM memory_pending_vectors"), 1);
  queue.add("good");
  queue.simulation.run_ready();  // no time passes
  EXPECT_EQ(queue.vectors(), 1);
  queue.embedder.refused.clear();
  EXPECT_EQ(queue.emptied().value(), 0) << "an attempt may succeed";
  EXPECT_EQ(queue.vectors(), 2);
}

TEST(EmbeddingQueue, CountsNoAttemptWhileTheEmbedderIsUnavailable) {
  Queue queue;
  for (int i = 0; i < 3; ++i) queue.add("text " + std::to_string(i));
  for (const Error& unavailable : {fail_retryable(ErrorCode::kResourceExhausted, "too many texts wait"),
                                   fail(ErrorCode::kNotFound, "no such model"),
                                   fail(ErrorCode::kInternal, "the encoder is broken for every text")}) {
    queue.embedder.failure = unavailable;
    queue.simulation.run_for(std::chrono::hours(1));
    EXPECT_EQ(queue.number("SELECT count(*) FROM memory_pending_vectors WHERE attempts = 0"), 3) << unavailable.text();
  }
  queue.embedder.failure.reset();
  queue.simulation.run_for(std::chrono::minutes(2));
  EXPECT_EQ(queue.vectors(), 3);
}

TEST(EmbeddingQueue, BlamesATextForABrokenEncoderOnlyBesideOneThatWasEncoded) {
  Queue queue;
  queue.embedder.refused.emplace("bad", fail(ErrorCode::kInternal, "not a number"));
  queue.add("bad");
  EXPECT_FALSE(queue.emptied().ok()) << "alone it may be the encoder";
  queue.add("good");
  queue.simulation.run_for(std::chrono::minutes(10));
  EXPECT_EQ(queue.emptied().value(), 1);
  EXPECT_EQ(queue.vectors(), 1);
}

TEST(EmbeddingQueue, TriesRefusedTextsAgainWhenTheEmbedderChanges) {
  Queue queue;
  queue.embedder.refused.emplace("bad", too_long());
  queue.add("bad");
  queue.add("good");
  ASSERT_EQ(queue.emptied().value(), 1);
  queue.die();
  queue.open_database();
  queue.start();
  const std::size_t asked = queue.embedder.asked.size();
  ASSERT_EQ(queue.emptied().value(), 1) << "the same embedder is not asked again";
  EXPECT_EQ(queue.embedder.asked.size(), asked);
  queue.die();
  queue.embedder_in_use = &queue.other;
  queue.open_database();
  queue.start();
  EXPECT_EQ(queue.emptied().value(), 0);
  EXPECT_EQ(queue.pending(), 0);
  EXPECT_EQ(queue.vectors(), 3) << "one of the first embedder, two of the second";
  EXPECT_TRUE(queue.integrity().ok());
}

TEST(EmbeddingQueue, NamesARefusedEntryInTheLogAndNotItsText) {
  Queue queue;
  std::string logged;
  LogOptions capture;
  capture.capture = [&](std::string_view line) { logged += std::string(line) + "\n"; };
  ASSERT_TRUE(configure_log(capture).ok());
  queue.embedder.refused.emplace("a secret", too_long());
  queue.add("good");
  const EntryId entry = queue.add("a secret");
  EXPECT_EQ(queue.emptied().value(), 1);
  ASSERT_TRUE(configure_log({}).ok());
  EXPECT_NE(logged.find("entry=" + std::to_string(entry)), std::string::npos) << logged;
  EXPECT_EQ(logged.find("a secret"), std::string::npos) << logged;
}

}  // namespace
}  // namespace mnema
