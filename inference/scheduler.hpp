// inference/scheduler.hpp
//
// Which sequences a model computes next, and where their KV pages are. One step is one token of every running sequence
// plus as much of waiting prompts as fits the batch, less while decoding turns wait for it. A prompt takes over the
// pages of an equal prefix. When pages run out, unused prefixes are evicted, then the least urgent sequence gives its
// pages back and is computed again later (from what the tree still has).
//
// Threads:   confined to the compute executor; steps run on it, one after the other.
// Ownership: borrows backend, executor and clock, which outlive it. Kept alive by what it has posted.
// Law:       free + used + cached == total pages, each counted by its own walk, whenever no step is under way.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/backend.hpp"
#include "inference/engine_options.hpp"
#include "inference/engine_stats.hpp"
#include "inference/kv/pool.hpp"
#include "inference/kv/prefix_tree.hpp"
#include "inference/kv/salts.hpp"
#include "inference/sampler.hpp"
#include "runtime/clock.hpp"
#include "runtime/executor.hpp"
#include "runtime/result.hpp"

namespace mnema {

/// A generation as the scheduler sees it.
struct SequenceRequest {
  std::vector<TokenId> tokens;  // the prompt; not empty
  kv::SharingBorders borders;
  kv::ScopeSalts salts;
  std::unique_ptr<Sampler> sampler;
  std::vector<TokenId> end_tokens;  // a chosen one of these ends the sequence and is not given out
  int tokens_max = 1;
  int echo_top = -1;  // ≥ 0: log-probabilities of the prompt's tokens too, with so many alternatives
  Priority priority = Priority::kInteractive;
  std::optional<MonotonicTime> deadline;
  std::shared_ptr<std::atomic<bool>> cancelled;  // set from any thread

  /// A token was chosen; false ends the sequence (a stop string).
  std::function<bool(const ChosenToken&)> on_token;
  /// Before the first token, with `echo_top`: one entry per prompt token; the first one's logprob is NaN.
  std::function<void(std::vector<ChosenToken>)> on_echo;
  /// Exactly once. Errors: `kResourceExhausted` (the pages cannot hold it), `kDeadlineExceeded`, the backend's.
  std::function<void(Result<FinishReason>, Usage)> on_done;
};

class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  Scheduler(Backend& backend, Executor& compute, const Clock& clock, const EngineOptions& options);

  void submit(SequenceRequest request);
  /// Forgets cached pages under this salt.
  void erase(const kv::Salt& salt) { tree_.erase(salt); }
  /// Looks at cancellations soon, also when nothing else is going on.
  void wake();

  [[nodiscard]] bool idle() const { return waiting_.empty() && running_.empty(); }
  [[nodiscard]] ModelStats stats() const;
  /// What is wrong with the pages, or "". Only while no step is under way.
  [[nodiscard]] std::string audit();

 private:
  struct Sequence {
    SequenceRequest request;
    std::vector<TokenId> tokens;  // prompt and generated
    std::size_t prompt_tokens = 0;
    std::size_t computed = 0;       // positions whose KV is there
    std::vector<PageId> pages;      // cover `computed`, and the step's positions while one is under way
    std::vector<kv::PageKey> keys;  // of the full pages
    std::size_t shared_pages = 0;   // of keys: how many were offered to the tree
    std::size_t step_tokens = 0;    // in the step under way
    MonotonicTime submitted{};
    std::optional<MonotonicTime> started, first_token;
    int generated = 0;
    Usage usage;
    std::vector<ChosenToken> echoed;
    std::vector<float> logits;  // echo only

    [[nodiscard]] bool decoding() const { return computed + 1 == tokens.size() && generated > 0; }
  };
  using SequencePointer = std::unique_ptr<Sequence>;

  void step();
  void finish_step(const Status& status);
  void drop_cancelled();
  void admit();
  [[nodiscard]] bool try_admit(Sequence& sequence);
  void take_cached_pages(Sequence& sequence);
  [[nodiscard]] bool make_room(Sequence& sequence, std::size_t positions);
  [[nodiscard]] bool preempt_for(const Sequence& sequence);
  void compose();
  void share_full_pages(Sequence& sequence);
  void read_echo(Sequence& sequence, std::size_t first);
  /// Handles what was chosen for the sequence; true when it has ended.
  [[nodiscard]] bool accept(Sequence& sequence);
  void release_pages(Sequence& sequence);
  void end(SequencePointer sequence, Result<FinishReason> reason);
  [[nodiscard]] const kv::Salt& salt_of_page(const Sequence& sequence, std::size_t page) const;
  [[nodiscard]] double urgency(const Sequence& sequence) const;
  [[nodiscard]] std::size_t prefill_budget(std::size_t decoding) const;

  Backend& backend_;
  Executor& compute_;
  const Clock& clock_;
  const EngineOptions options_;
  const kv::PageFormat format_;
  kv::Pool pool_;
  kv::PrefixTree tree_;
  std::deque<SequencePointer> waiting_;
  std::vector<SequencePointer> running_;
  std::vector<SequenceStep> batch_;  // of the step under way
  std::vector<Sequence*> batch_sequences_;
  bool stepping_ = false;
  bool posted_ = false;
  MonotonicTime step_begin_{};
  std::size_t step_prefill_tokens_ = 0;
  ModelStats stats_;
};

}  // namespace mnema
