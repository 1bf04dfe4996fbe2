// inference/scheduler/scheduler.hpp
//
// Which sequences a model computes next, and where their KV pages are. One step is one token of every running sequence
// (more where a draft of the next ones is right) plus as much of waiting prompts as fits the batch. While turns decode,
// prompts of their priority get less of a step, and what is of a worse priority, decoding or not, gets so many tokens
// that it adds a part of the turns' own time to their step. A prompt takes over the pages of an equal prefix, also
// while another sequence is still computing them. When slots or pages run out, unused prefixes are evicted, then the
// least urgent sequence is preempted and recomputed later (from what the tree still has).
//
// Urgency is the request's priority, lifted by the time it has waited; of equals the one that came first. Ageing
// decides who is next, never that a sequence of a better priority is preempted.
//
// Threads:   confined to the compute executor; steps run on it, one after the other.
// Ownership: borrows backend, executor and clock, which outlive it. Kept alive by what it has posted.
// Invariant: free + used + cached == total pages, each counted by its own walk, whenever no step is under way.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "inference/backend.hpp"
#include "inference/engine_options.hpp"
#include "inference/engine_stats.hpp"
#include "inference/kv/pool.hpp"
#include "inference/kv/prefix_tree.hpp"
#include "inference/kv/salts.hpp"
#include "inference/sampling/draft_chooser.hpp"
#include "inference/sampling/sampler.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// A generation as the scheduler sees it.
struct SequenceRequest {
  std::vector<TokenId> tokens;  // the prompt; not empty
  kv::SharingBorders borders;
  kv::ScopeSalts salts;
  std::unique_ptr<Sampler> sampler;
  std::vector<TokenId> end_tokens;  // a chosen one of these ends the sequence and is not emitted
  int tokens_max = 1;
  int speculation_tokens_max = 0;  // draft tokens in one step; 0 = none
  int echo_top = -1;               // ≥ 0: log-probabilities of the prompt's tokens too, with so many alternatives
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
  /// Forgets the cached pages of this user, or of this tenant and all its users.
  void erase(const kv::Salt& salt) { tree_.erase(salt); }
  /// `call` is told after each step how long it may keep the cores; the next one begins when it has returned.
  void between_steps(std::function<void(Duration budget)> call) { between_steps_ = std::move(call); }
  /// Looks at cancellations soon, also when nothing else is going on.
  void wake();

  [[nodiscard]] bool idle() const { return waiting_.empty() && running_.empty(); }
  /// Sequences that wait for a slot or pages.
  [[nodiscard]] int waiting() const { return static_cast<int>(waiting_.size()); }
  [[nodiscard]] ModelStats stats() const;
  /// What is wrong with the pages, or "". Only while no step is under way.
  [[nodiscard]] std::string audit();

 private:
  struct Sequence {
    SequenceRequest request;
    std::uint64_t number = 0;     // in the order they came
    std::vector<TokenId> tokens;  // prompt and generated
    std::size_t prompt_tokens = 0;
    std::size_t computed = 0;         // positions whose KV is there
    std::size_t promised_tokens = 0;  // positions that admission reserved
    std::vector<PageId> pages;        // cover `computed`, and the step's positions while one is under way
    std::vector<kv::PageKey> keys;    // of the full pages of `tokens`, as far as they were asked for
    std::size_t shared_pages = 0;     // of `pages`: taken from the tree or offered to it
    std::size_t counted = 0;          // positions that were computed or counted as cached at any time
    std::size_t step_tokens = 0;      // of `tokens`, in the step under way
    std::vector<TokenId> step_input;  // decoding: those, then the draft
    DraftChooser draft;               // its draft is empty but in a step that tries one
    std::size_t draft_tokens = 1;     // how far to draft next: grows while drafts are right
    MonotonicTime submitted{}, waiting_since{};
    Duration waited{};  // before `waiting_since`
    std::optional<MonotonicTime> started, first_token;
    bool running = false;
    std::optional<std::uint64_t> refused_at;  // `departures_` when there were no pages for it
    int generated = 0;
    Usage usage;
    std::optional<Result<FinishReason>> over;  // what the step under way ended with
    std::vector<ChosenToken> echoed;
    std::vector<float> logits;  // echo only

    [[nodiscard]] bool decoding() const { return computed + 1 == tokens.size() && generated > 0; }
    /// Its prompt's log-probabilities are still wanted.
    [[nodiscard]] bool echoes() const { return request.echo_top >= 0 && generated == 0; }
  };
  using SequencePointer = std::unique_ptr<Sequence>;
  using PageKeys = std::unordered_set<kv::PageKey, kv::PageKeyHash>;

  // scheduler.cpp: who waits, runs and ends.
  void step();
  void drop_cancelled();
  /// Takes those that are `over` out of the list, and tells them so.
  [[nodiscard]] static std::vector<SequencePointer> take_ended(std::vector<SequencePointer>& sequences);
  void end(std::vector<SequencePointer> ended);
  [[nodiscard]] double urgency(const Sequence& sequence) const;
  [[nodiscard]] bool more_urgent(const Sequence& a, const Sequence& b) const;
  void admit();
  void start(std::vector<SequencePointer>::iterator waiting);
  /// By priority, then by urgency.
  [[nodiscard]] bool outranks(const Sequence& a, const Sequence& b) const;
  /// Whether `running` is preempted for a sequence that waits.
  [[nodiscard]] bool yields_to(const Sequence& waiting, const Sequence& running) const;
  /// Sends the running sequence that all others outrank back to the waiting ones if `sequence` outranks it and it is
  /// not in the batch already; for one that waits, only if it yields to that.
  [[nodiscard]] bool preempt_for(const Sequence& sequence);

  // scheduler_steps.cpp: what is computed in a step, and what came of it.
  void compose();
  /// One token and as many drafted ones as it returns.
  [[nodiscard]] std::size_t add_decode(Sequence& sequence, std::size_t draft_tokens_max);
  [[nodiscard]] std::vector<TokenId> draft_for(Sequence& sequence, std::size_t tokens_max);
  /// As many of the prompt's next tokens as it returns.
  [[nodiscard]] std::size_t add_prefill(Sequence& sequence, std::size_t tokens_max, PageKeys& coming);
  [[nodiscard]] bool reserve_pages(Sequence& sequence, std::size_t positions);
  SequenceStep& add_to_batch(Sequence& sequence, std::span<const TokenId> tokens);
  [[nodiscard]] std::size_t prefill_tokens_in(double milliseconds) const;
  /// Tokens of a worse priority than the turns that decode, in one step with those.
  [[nodiscard]] std::size_t tokens_beside_turns() const;
  /// How long others may keep the cores after a step that took `step`.
  [[nodiscard]] Duration time_between_steps(Duration step) const;
  void finish_step(const Status& status);
  void measure_step(const Status& status);
  [[nodiscard]] std::optional<FinishReason> advance(Sequence& sequence);
  [[nodiscard]] std::optional<FinishReason> accept(Sequence& sequence, const ChosenToken& chosen, bool finished);
  [[nodiscard]] std::optional<FinishReason> accept_draft(Sequence& sequence);
  void read_echo(Sequence& sequence, std::size_t first);

  // scheduler_pages.cpp: where the KV is.
  [[nodiscard]] kv::Owner owner_of_page(const Sequence& sequence, std::size_t page) const;
  const kv::PageKey& key_of_page(Sequence& sequence, std::size_t page) const;
  /// Takes over what the tree has of the sequence's next pages, where its computed part ends with a page.
  void take_cached_pages(Sequence& sequence);
  void share_full_pages(Sequence& sequence);
  /// Tokens that the sequence has taken over for the first time are cached ones.
  void count_cached(Sequence& sequence);
  /// Positions of its tokens and of the beginning of its answer.
  [[nodiscard]] std::size_t tokens_with_answer(const Sequence& sequence) const;
  /// Pages that a running sequence has or was promised.
  [[nodiscard]] static std::size_t pages_of(const Sequence& sequence);
  /// Whether there are pages for the sequence's tokens and the beginning of its answer beside what others were
  /// promised; `released`: pages that could be had besides.
  [[nodiscard]] bool has_capacity_for(const Sequence& sequence, std::size_t released) const;
  /// Pages for `positions` positions. False where there are not enough; what it got stays with the sequence.
  [[nodiscard]] bool allocate_pages(Sequence& sequence, std::size_t positions);
  void release_pages(Sequence& sequence);

  Backend& backend_;
  Executor& compute_;
  const Clock& clock_;
  const EngineOptions options_;
  const std::size_t step_tokens_max_;
  const std::size_t sequences_max_;
  const kv::PageFormat format_;
  kv::Pool pool_;
  kv::PrefixTree tree_;
  std::vector<SequencePointer> waiting_;
  std::vector<SequencePointer> running_;
  std::vector<SequenceStep> batch_;  // of the step under way
  std::vector<Sequence*> batch_sequences_;
  std::uint64_t submitted_ = 0;
  std::uint64_t departures_ = 0;  // sequences that have given their pages back
  std::function<void(Duration)> between_steps_;
  bool stepping_ = false;
  bool posted_ = false;
  MonotonicTime step_begin_{};
  std::size_t step_prefill_tokens_ = 0;
  std::size_t step_turns_ = 0;         // sequences of the best priority that decodes, in the step under way
  std::size_t step_beside_turns_ = 0;  // tokens of a worse priority than those
  double turns_ms_ = 0;                // recent: a step's time without those; 0 = not yet known
  ModelStats stats_;
};

}  // namespace mnema
