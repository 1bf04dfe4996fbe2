// inference/scheduler.hpp
//
// Which sequences a model computes next. One step is one token of every decoding sequence (more where guesses are
// computed with it, speculation.hpp) plus as much of waiting prompts as fits the batch (step_pace.hpp).
//
//   submit → waiting ──admit──▶ running ──compose──▶ step ──finish──▶ running │ end
//               ▲                  │
//               └────preempt───────┘
//
// Admission sets aside pages for the whole prompt and some of the answer. A prompt takes over the pages of an equal
// beginning, and waits for one that is being computed (admission.hpp). When pages or places run out, unused prefixes
// are evicted; then a sequence that is less urgent by a whole step of priority gives its pages back and is computed
// again later, from what the prefix tree still has.
//
// Threads:   confined to the compute executor; steps run on it, one after the other.
// Ownership: borrows backend, executor and clock, which outlive it. Kept alive by what it has posted.
// Law:       kv/audit.hpp; and a sequence gets the tokens it would get alone.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "inference/backend.hpp"
#include "inference/engine.hpp"
#include "inference/engine_options.hpp"
#include "inference/engine_stats.hpp"
#include "inference/kv/ledger.hpp"
#include "inference/sequence.hpp"
#include "inference/step_pace.hpp"
#include "runtime/clock.hpp"
#include "runtime/executor.hpp"
#include "runtime/result.hpp"

namespace mnema {

class Scheduler : public std::enable_shared_from_this<Scheduler> {
 public:
  Scheduler(Backend& backend, Executor& compute, const Clock& clock, const EngineOptions& options);

  void submit(SequenceRequest request);
  /// Looks at cancellations soon, also when nothing else is going on.
  void wake();

  /// What has become of the turn whose KV ended with `chain`: decides how long its pages are worth keeping.
  void set_turn_state(const KvChain& chain, TurnState state);
  /// Forgets cached pages of a user, or of a whole tenant.
  void erase_user(const kv::Salt& user) { ledger_.erase_user(user); }
  void erase_tenant(const kv::Salt& tenant) { ledger_.erase_tenant(tenant); }

  [[nodiscard]] bool idle() const { return waiting_.empty() && running_.empty(); }
  [[nodiscard]] ModelStats stats() const;
  /// What is wrong with the pages, or ""; repaired afterwards where no step is under way.
  [[nodiscard]] std::string audit();

 private:
  using SequencePointer = std::unique_ptr<Sequence>;
  using Outcome = std::optional<Result<FinishReason>>;  // empty: goes on

  // Admission.
  void drop_cancelled();
  void admit();
  [[nodiscard]] bool try_admit(Sequence& sequence);
  [[nodiscard]] bool preempt_for(const Sequence& sequence, double urgency_gap);
  [[nodiscard]] double urgency(const Sequence& sequence) const;

  // One step.
  void step();
  void compose();
  [[nodiscard]] bool make_room(Sequence& sequence, std::size_t positions);
  void add_to_batch(Sequence& sequence, std::size_t count, std::span<const TokenId> guesses);
  [[nodiscard]] std::vector<TokenId> guesses_for(Sequence& sequence, std::size_t rows_left);
  void finish_step(const Status& status);
  [[nodiscard]] Outcome take_results(Sequence& sequence);
  void read_echo(Sequence& sequence, std::size_t first);
  [[nodiscard]] Outcome accept(Sequence& sequence, const ChosenToken& chosen);
  void end(SequencePointer sequence, Result<FinishReason> reason);

  [[nodiscard]] bool in_batch(const Sequence& sequence) const;
  [[nodiscard]] std::vector<kv::HeldPages> held_pages() const;

  Backend& backend_;
  Executor& compute_;
  const Clock& clock_;
  const EngineOptions options_;
  const std::size_t rows_max_;  // of one step
  kv::Ledger ledger_;
  StepPace pace_;
  std::deque<SequencePointer> waiting_;
  std::vector<SequencePointer> running_;

  std::vector<SequenceStep> batch_;         // of the step under way
  std::vector<Sequence*> batch_sequences_;  // whose entries those are
  bool stepping_ = false;
  bool posted_ = false;
  MonotonicTime step_begin_{};
  std::size_t step_prefill_tokens_ = 0;
  std::size_t step_decode_rows_ = 0;
  ModelStats stats_;
};

}  // namespace mnema
