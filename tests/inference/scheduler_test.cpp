#include "inference/scheduler.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "runtime/random.hpp"

// Over a model whose next token is a hash of all tokens before it, read back from its KV pages: whatever the scheduler
// does, a sequence's tokens must be those of the sequence alone.

namespace mnema {
namespace {

constexpr int kVocabulary = 97;

class QueueExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { work_.push_back(std::move(work)); }
  void post_after(Duration, std::function<void()> work) override { post(std::move(work)); }
  void run() {
    while (!work_.empty()) {
      auto work = std::move(work_.front());
      work_.pop_front();
      work();
    }
  }
  bool run_one() {
    if (work_.empty()) return false;
    auto work = std::move(work_.front());
    work_.pop_front();
    work();
    return true;
  }

 private:
  std::deque<std::function<void()>> work_;
};

class FakePages final : public PageStore {
 public:
  explicit FakePages(int pages) : memory_(static_cast<std::size_t>(pages), std::vector<TokenId>(kPageTokens, -1)) {}
  int pages_total() const override { return static_cast<int>(memory_.size()); }
  std::size_t page_bytes() const override { return kPageTokens * sizeof(TokenId); }
  KvType kv_type() const override { return KvType::kF16; }
  const char* layout_id() const override { return "fake"; }
  void copy(PageId from, PageId to, int) override {
    memory_[static_cast<std::size_t>(to)] = memory_[static_cast<std::size_t>(from)];
  }
  std::span<std::byte> bytes(PageId page) override {
    return std::as_writable_bytes(std::span(memory_[static_cast<std::size_t>(page)]));
  }
  TokenId& at(std::span<const PageId> pages, int position) {
    return memory_[static_cast<std::size_t>(pages[static_cast<std::size_t>(position / kPageTokens)])]
                  [static_cast<std::size_t>(position % kPageTokens)];
  }

 private:
  std::vector<std::vector<TokenId>> memory_;
};

TokenId next_of(std::uint64_t hash) { return static_cast<TokenId>((hash >> 7) % kVocabulary); }
std::uint64_t hashed(std::uint64_t hash, TokenId token) {
  return (hash ^ static_cast<std::uint64_t>(token + 1)) * 0x100000001b3ULL;
}

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(int pages) : pages_(pages) {
    info_.name = "fake", info_.fingerprint = "fake", info_.vocabulary = kVocabulary, info_.context_length = 100'000;
  }
  const BackendInfo& info() const override { return info_; }
  PageStore& page_store() override { return pages_; }
  int tokens_per_step_max() const override { return 512; }
  void step(std::span<SequenceStep> batch, std::function<void(Status)> on_done) override {
    ++steps;
    for (SequenceStep& entry : batch) {
      const int count = static_cast<int>(entry.tokens.size());
      computed += count;
      for (int i = 0; i < count; ++i)
        pages_.at(entry.pages, entry.position + i) = entry.tokens[static_cast<std::size_t>(i)];
      for (int wanted = entry.logits_wanted; wanted > 0; --wanted) {
        std::uint64_t hash = 0xcbf29ce484222325ULL;
        for (int p = 0; p <= entry.position + count - wanted; ++p) hash = hashed(hash, pages_.at(entry.pages, p));
        std::vector<float> logits(kVocabulary, 0);
        logits[static_cast<std::size_t>(next_of(hash))] = 5;
        if (entry.logits != nullptr) entry.logits->insert(entry.logits->end(), logits.begin(), logits.end());
        if (entry.chooser != nullptr) entry.chosen.push_back(entry.chooser->choose(logits));
      }
    }
    on_done({});
  }
  long steps = 0;
  long computed = 0;

 private:
  FakePages pages_;
  BackendInfo info_;
};

std::vector<TokenId> alone(std::vector<TokenId> tokens, int count) {
  std::vector<TokenId> out;
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const TokenId token : tokens) hash = hashed(hash, token);
  for (int i = 0; i < count; ++i) {
    out.push_back(next_of(hash));
    hash = hashed(hash, out.back());
  }
  return out;
}

class FixedClock final : public Clock {
 public:
  Time now() const override { return Time{}; }
  MonotonicTime monotonic_now() const override { return MonotonicTime{at}; }
  Duration at{0};
};

struct Heard {
  std::vector<TokenId> tokens;
  std::optional<Result<FinishReason>> done;
  Usage usage;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::vector<ChosenToken> echoed;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void open(int pages, EngineOptions options = {}) {
    backend = std::make_unique<FakeBackend>(pages);
    scheduler = std::make_shared<Scheduler>(*backend, executor, clock, options);
  }
  void submit(std::vector<TokenId> tokens, int count, Heard& heard, Priority priority = Priority::kInteractive,
              int salt = 0) {
    SequenceRequest request;
    request.tokens = std::move(tokens);
    request.tokens_max = count;
    request.priority = priority;
    request.salts.user.bytes[0] = static_cast<std::uint8_t>(salt);
    request.sampler = std::make_unique<Sampler>(SamplingOptions{}, 1, std::vector<TokenId>{}, nullptr);
    request.cancelled = heard.cancelled;
    request.on_token = [&heard](const ChosenToken& token) {
      heard.tokens.push_back(token.id);
      return true;
    };
    request.on_done = [&heard](Result<FinishReason> reason, Usage usage) {
      ASSERT_FALSE(heard.done.has_value()) << "on_done comes once";
      heard.done = std::move(reason);
      heard.usage = usage;
    };
    scheduler->submit(std::move(request));
  }
  void expect_all_pages_back() {
    EXPECT_EQ(scheduler->audit(), "");
    EXPECT_EQ(scheduler->stats().pages.used, 0);
  }

  QueueExecutor executor;
  FixedClock clock;
  std::unique_ptr<FakeBackend> backend;
  std::shared_ptr<Scheduler> scheduler;
};

std::vector<TokenId> prompt_of(int length, int seed) {
  std::vector<TokenId> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back((i * 31 + seed) % kVocabulary);
  return tokens;
}

TEST_F(SchedulerTest, GivesASequenceInABatchTheTokensItHasAlone) {
  open(64);
  std::vector<Heard> heard(6);
  for (int i = 0; i < 6; ++i) submit(prompt_of(20 + 37 * i, i), 40, heard[static_cast<std::size_t>(i)]);
  executor.run();
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(heard[static_cast<std::size_t>(i)].tokens, alone(prompt_of(20 + 37 * i, i), 40)) << i;
  expect_all_pages_back();
}

TEST_F(SchedulerTest, TakesOverThePagesOfAnEqualPrefix) {
  open(64);
  Heard first, second;
  submit(prompt_of(100, 1), 8, first);
  executor.run();
  const long before = backend->computed;
  submit(prompt_of(100, 1), 8, second);
  executor.run();
  EXPECT_EQ(second.usage.cached_tokens, 96);
  EXPECT_EQ(backend->computed - before, 4 + 7);
  EXPECT_EQ(second.tokens, first.tokens);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, NeverTakesOverThePagesOfAnotherUser) {
  open(64);
  Heard first, second;
  submit(prompt_of(100, 1), 8, first, Priority::kInteractive, 1);
  executor.run();
  submit(prompt_of(100, 1), 8, second, Priority::kInteractive, 2);
  executor.run();
  EXPECT_EQ(second.usage.cached_tokens, 0);
  EXPECT_EQ(second.tokens, first.tokens);
}

TEST_F(SchedulerTest, GivesTheSameTokensWhenPagesAreShortAndSequencesGiveWay) {
  EngineOptions options;
  options.decode_room_tokens = 1;
  open(12, options);
  std::vector<Heard> heard(5);
  for (int i = 0; i < 5; ++i)
    submit(prompt_of(60, i), 120, heard[static_cast<std::size_t>(i)], static_cast<Priority>(i % 3));
  executor.run();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)].tokens, alone(prompt_of(60, i), 120)) << i;
  EXPECT_GT(scheduler->stats().preemptions, 0U);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, RefusesWhatThePagesCanNeverHold) {
  open(4);
  Heard heard;
  submit(prompt_of(500, 1), 8, heard);
  executor.run();
  ASSERT_TRUE(heard.done.has_value());
  ASSERT_FALSE(heard.done->ok());
  EXPECT_EQ(heard.done->error().code, ErrorCode::kResourceExhausted);
  expect_all_pages_back();
}

TEST_F(SchedulerTest, ACancelledSequenceGivesBackEveryPage) {
  open(64);
  Heard heard, other;
  submit(prompt_of(200, 1), 1000, heard);
  submit(prompt_of(50, 2), 20, other);
  for (int i = 0; i < 12; ++i) executor.run_one();
  heard.cancelled->store(true);
  executor.run();
  ASSERT_TRUE(heard.done.has_value());
  EXPECT_EQ(**heard.done, FinishReason::kCancelled);
  EXPECT_EQ(other.tokens, alone(prompt_of(50, 2), 20));
  expect_all_pages_back();
}

TEST_F(SchedulerTest, AnOldBackgroundRequestOvertakesAYoungInteractiveOne) {
  EngineOptions options;
  options.max_sequences = 1;
  options.ageing_ms = 1000;
  open(64, options);
  Heard running, background, interactive;
  std::vector<int> order;
  submit(prompt_of(10, 1), 5, running);
  submit(prompt_of(10, 2), 5, background, Priority::kBackground);
  clock.at = std::chrono::seconds(10);
  submit(prompt_of(10, 3), 5, interactive, Priority::kInteractive);
  while (!background.done && executor.run_one()) EXPECT_FALSE(interactive.done.has_value());
  executor.run();
  EXPECT_TRUE(interactive.done.has_value());
}

TEST_F(SchedulerTest, EveryStoryFromASeedEndsWithTheRightTokensAndAllPagesBack) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SeededRandom random(seed);
    EngineOptions options;
    options.max_sequences = 1 + static_cast<int>(random.below(6));
    options.max_batched_tokens = 16 + static_cast<int>(random.below(200));
    options.decode_room_tokens = static_cast<int>(random.below(64));
    open(16 + static_cast<int>(random.below(40)), options);
    std::deque<Heard> heard;
    std::vector<std::pair<std::vector<TokenId>, int>> asked;
    for (int i = 0; i < 25; ++i) {
      asked.emplace_back(prompt_of(1 + static_cast<int>(random.below(200)), static_cast<int>(random.below(3))),
                         1 + static_cast<int>(random.below(60)));
      heard.emplace_back();
      submit(asked.back().first, asked.back().second, heard.back(), static_cast<Priority>(random.below(4)),
             static_cast<int>(random.below(2)));
      for (std::uint64_t steps = random.below(20); steps > 0; --steps) executor.run_one();
      if (random.below(6) == 0) heard[random.below(heard.size())].cancelled->store(true);
    }
    executor.run();
    for (std::size_t i = 0; i < heard.size(); ++i) {
      ASSERT_TRUE(heard[i].done.has_value()) << "seed " << seed;
      ASSERT_TRUE(heard[i].done->ok()) << heard[i].done->error().text();
      const std::vector<TokenId> expected = alone(asked[i].first, asked[i].second);
      ASSERT_LE(heard[i].tokens.size(), expected.size());
      EXPECT_TRUE(std::equal(heard[i].tokens.begin(), heard[i].tokens.end(), expected.begin()))
          << "seed " << seed << " request " << i;
      if (**heard[i].done != FinishReason::kCancelled) {
        EXPECT_EQ(heard[i].tokens.size(), expected.size());
      }
    }
    expect_all_pages_back();
  }
}

}  // namespace
}  // namespace mnema
