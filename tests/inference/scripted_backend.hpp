// tests/inference/scripted_backend.hpp
//
// A model whose logits are a hash of all tokens before, read back from its KV pages: whatever is done with the pages, a
// sequence's tokens must be those of the sequence alone. Seven times of eight the likeliest token depends on the last
// one only, so that texts repeat themselves and a draft is often, but not always, right.
//
// A step is asynchronous, as on a device with a queue of its own: `step` returns at once, and the work is done and told
// by a task of the `device` executor, `step_time` later. What happens to the engine meanwhile happens in mid-step.
//
// Threads:   `step` as the seam says; a step's work and `on_done` on the device. Needs no test framework, so that the
//            simulation can run it: what must hold is a CHECK.
// Ownership: borrows the device, which outlives it. Destroyed only while no step is in flight.
// Invariant: one step at a time; what a batch points to is the same at the end of a step as at its beginning, but for
//            cancellations; no page is written by two sequences of a batch.   (CHECKs at the end of each step)
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "inference/backend.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema::testing {

inline constexpr int kVocabulary = 97;

/// Runs what was posted in its order, when it is told to; delayed work when `clock` has come so far.
class QueueExecutor final : public Executor {
 public:
  void post(std::function<void()> work) override { work_.push_back(std::move(work)); }
  void post_after(Duration delay, std::function<void()> work) override {
    later_.push_back({now + delay, std::move(work)});
  }
  bool run_one() {
    for (auto at = later_.begin(); at != later_.end(); ++at) {
      if (at->first > now) continue;
      work_.push_back(std::move(at->second));
      later_.erase(at);
      break;
    }
    if (work_.empty()) return false;
    auto work = std::move(work_.front());
    work_.pop_front();
    work();
    return true;
  }
  void run() {
    while (run_one()) {
    }
  }
  /// Whether nothing waits to be run at once.
  [[nodiscard]] bool empty() const { return work_.empty(); }
  Duration now{0};

 private:
  std::deque<std::function<void()>> work_;
  std::deque<std::pair<Duration, std::function<void()>>> later_;
};

class FixedClock final : public Clock {
 public:
  Time now() const override { return wall; }
  MonotonicTime monotonic_now() const override { return MonotonicTime{at}; }
  Duration at{0};
  Time wall{};
};

class ScriptedPages final : public PageStore {
 public:
  explicit ScriptedPages(int pages) : memory_(static_cast<std::size_t>(pages), std::vector<TokenId>(kPageTokens, -1)) {}
  int pages_total() const override { return static_cast<int>(memory_.size()); }
  std::size_t page_bytes() const override { return kPageTokens * sizeof(TokenId); }
  KvType kv_type() const override { return KvType::kF16; }
  const char* layout_id() const override { return "scripted"; }
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

/// The logits after `tokens`; the first `kVocabulary` of `vocabulary` logits say something.
inline std::vector<float> scripted_logits(std::span<const TokenId> tokens, int vocabulary = kVocabulary) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const TokenId token : tokens) hash = (hash ^ static_cast<std::uint64_t>(token + 1)) * 0x100000001b3ULL;
  hash ^= hash >> 29;
  std::vector<float> logits(static_cast<std::size_t>(vocabulary), 0.0F);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = static_cast<float>((hash ^ i * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL >> 40) * 0x1p-23F;
  }
  const std::uint64_t last = static_cast<std::uint64_t>(tokens.back());
  const std::uint64_t next = hash % 8 == 0 ? hash >> 7 : (last * 5 + 1) % 31;
  logits[next % kVocabulary] += 3;
  return logits;
}

/// The greedy continuation of `tokens`, without any engine.
inline std::vector<TokenId> alone(std::vector<TokenId> tokens, int count) {
  std::vector<TokenId> out;
  for (int i = 0; i < count; ++i) {
    const std::vector<float> logits = scripted_logits(tokens);
    out.push_back(static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    tokens.push_back(out.back());
  }
  return out;
}

class ScriptedBackend final : public Backend {
 public:
  ScriptedBackend(int pages, Executor& device, int vocabulary = kVocabulary) : device_(device), pages_(pages) {
    info_.name = info_.fingerprint = "scripted";
    info_.vocabulary = vocabulary;
    info_.context_length = 100'000;
  }
  ~ScriptedBackend() override { CHECK(!in_flight_, "a backend is destroyed only when no step is in flight"); }
  ScriptedBackend(const ScriptedBackend&) = delete;
  ScriptedBackend& operator=(const ScriptedBackend&) = delete;

  const BackendInfo& info() const override { return info_; }
  PageStore& page_store() override { return pages_; }
  int tokens_per_step_max() const override { return 512; }

  void step(std::span<SequenceStep> batch, std::function<void(Status)> on_done) override {
    CHECK(!in_flight_.exchange(true), "one step at a time");
    ++steps;
    int tokens = 0;
    std::vector<Input> inputs;
    for (const SequenceStep& entry : batch) {
      tokens += static_cast<int>(entry.tokens.size());
      inputs.push_back({{entry.tokens.begin(), entry.tokens.end()}, {entry.pages.begin(), entry.pages.end()}});
    }
    CHECK(tokens <= tokens_per_step_max(), "a batch is no larger than the backend takes");
    computed += tokens;
    step_tokens.push_back(tokens);
    auto finish = [this, batch, inputs = std::move(inputs), on_done = std::move(on_done)] {
      Status status = compute(batch, inputs);
      in_flight_ = false;
      on_done(std::move(status));
    };
    const Duration takes = step_time ? step_time(tokens) : Duration{0};
    if (takes > Duration{0}) {
      device_.post_after(takes, std::move(finish));
    } else {
      device_.post(std::move(finish));
    }
  }

  /// Whether a step was begun whose end nobody was told yet. From any thread.
  [[nodiscard]] bool in_flight() const { return in_flight_; }

  // Hooks and counts: between steps, or on the device where it is said.
  std::function<Duration(int tokens)> step_time;  // empty: the device's next task ends the step
  std::function<void(const std::vector<TokenId>& before, std::vector<float>& logits)> adjust;  // on the device
  std::function<void()> after_step;  // on the device: computed, and nobody was told yet
  bool fails = false;
  long steps = 0;
  long computed = 0;             // tokens of all steps
  std::vector<int> step_tokens;  // of each step

 private:
  struct Input {
    std::vector<TokenId> tokens;
    std::vector<PageId> pages;
  };

  Status compute(std::span<SequenceStep> batch, const std::vector<Input>& inputs) {
    std::set<PageId> written;  // a page that two sequences write would be wrong for one of them
    bool any = batch.empty();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      SequenceStep& entry = batch[i];
      CHECK(std::equal(entry.tokens.begin(), entry.tokens.end(), inputs[i].tokens.begin(), inputs[i].tokens.end()) &&
                std::equal(entry.pages.begin(), entry.pages.end(), inputs[i].pages.begin(), inputs[i].pages.end()),
            "a batch is untouched until its step is done");
      const int count = static_cast<int>(entry.tokens.size());
      for (int page = entry.position / kPageTokens; page * kPageTokens < entry.position + count; ++page) {
        CHECK(written.insert(entry.pages[static_cast<std::size_t>(page)]).second, "a page has one writer in a step");
      }
      // Undefined means undefined: whoever reads the KV of a cancelled sequence reads nonsense.
      const bool cancelled = entry.cancelled != nullptr && entry.cancelled->load();
      any = any || !cancelled;
      for (int token = 0; token < count; ++token) {
        pages_.at(entry.pages, entry.position + token) = cancelled ? -1 : entry.tokens[static_cast<std::size_t>(token)];
      }
      if (!cancelled) choose(entry);
    }
    if (after_step) after_step();
    if (fails) return fail(ErrorCode::kInternal, "the backend broke");
    return any ? Status() : Status(fail(ErrorCode::kCancelled, "every sequence was cancelled"));
  }

  void choose(SequenceStep& entry) {
    const int count = static_cast<int>(entry.tokens.size());
    for (int wanted = entry.logits_wanted; wanted > 0; --wanted) {
      std::vector<TokenId> before;
      for (int p = 0; p <= entry.position + count - wanted; ++p) before.push_back(pages_.at(entry.pages, p));
      std::vector<float> logits = scripted_logits(before, info_.vocabulary);
      if (adjust) adjust(before, logits);
      if (entry.logits != nullptr) entry.logits->insert(entry.logits->end(), logits.begin(), logits.end());
      if (entry.chooser != nullptr) entry.chosen.push_back(entry.chooser->choose(logits));
    }
  }

  Executor& device_;
  ScriptedPages pages_;
  BackendInfo info_;
  std::atomic<bool> in_flight_ = false;
};

}  // namespace mnema::testing
