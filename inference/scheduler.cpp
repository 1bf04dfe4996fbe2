#include "inference/scheduler.hpp"

#include <algorithm>
#include <limits>

#include "inference/admission.hpp"
#include "runtime/check.hpp"

namespace mnema {
namespace {

/// Logits of so many prompt tokens at once, when a client wants to see them.
constexpr std::size_t kEchoTokens = 16;

}  // namespace

Scheduler::Scheduler(Backend& backend, Executor& compute, const Clock& clock, const EngineOptions& options)
    : backend_(backend),
      compute_(compute),
      clock_(clock),
      options_(options),
      rows_max_(
          static_cast<std::size_t>(std::max(1, std::min(options.max_batched_tokens, backend.tokens_per_step_max())))),
      ledger_(backend.page_store(), {backend.page_store().layout_id(), backend.info().fingerprint}),
      pace_(rows_max_, options.prefill_step_ms) {
  stats_.backend = backend.info().name;
}

void Scheduler::submit(SequenceRequest request) {
  CHECK(!request.tokens.empty() && request.sampler != nullptr, "a sequence has a prompt and a sampler");
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens = request.tokens;
  sequence->prompt_tokens = request.tokens.size();
  sequence->priority = request.priority;
  sequence->request = std::move(request);
  sequence->submitted = clock_.monotonic_now();
  sequence->usage.prompt_tokens = static_cast<int>(sequence->prompt_tokens);
  waiting_.push_back(std::move(sequence));
  wake();
}

void Scheduler::wake() {
  if (stepping_ || posted_) return;
  posted_ = true;
  compute_.post([self = shared_from_this()] {
    self->posted_ = false;
    self->step();
  });
}

double Scheduler::urgency(const Sequence& sequence) const { return urgency_of(sequence, options_.ageing_ms); }

bool Scheduler::in_batch(const Sequence& sequence) const {
  return std::find(batch_sequences_.begin(), batch_sequences_.end(), &sequence) != batch_sequences_.end();
}

// ---- admission

void Scheduler::drop_cancelled() {
  const MonotonicTime now = clock_.monotonic_now();
  const auto outcome_of = [now](const Sequence& sequence) -> Outcome {
    if (sequence.request.cancelled->load()) return Result<FinishReason>(FinishReason::kCancelled);
    if (sequence.request.deadline && *sequence.request.deadline <= now) {
      return Result<FinishReason>(
          fail(ErrorCode::kDeadlineExceeded, "the deadline passed while the model was computing"));
    }
    return std::nullopt;
  };
  const auto sweep = [&](auto& sequences) {
    for (std::size_t at = 0; at < sequences.size();) {
      Outcome outcome = outcome_of(*sequences[at]);
      if (!outcome) {
        ++at;
        continue;
      }
      SequencePointer sequence = std::move(sequences[at]);
      sequences.erase(sequences.begin() + static_cast<std::ptrdiff_t>(at));
      end(std::move(sequence), std::move(*outcome));
    }
  };
  sweep(running_);
  sweep(waiting_);
}

bool Scheduler::preempt_for(const Sequence& sequence, double urgency_gap) {
  Sequence* victim = nullptr;
  for (const SequencePointer& candidate : running_) {
    if (candidate.get() == &sequence || in_batch(*candidate)) continue;
    if (urgency(*candidate) < urgency(sequence) + urgency_gap) continue;
    if (victim == nullptr || urgency(*candidate) > urgency(*victim)) victim = candidate.get();
  }
  if (victim == nullptr) return false;
  ledger_.release(victim->table);
  victim->computed = 0;
  ++stats_.preemptions;
  const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == victim; });
  waiting_.push_back(std::move(*at));
  running_.erase(at);
  return true;
}

bool Scheduler::try_admit(Sequence& sequence) {
  if (!sequence.echoing()) {  // with echo every prompt token's logits are wanted
    sequence.computed = ledger_.adopt(sequence.table, sequence.tokens, sequence.request.owner);
    for (const SequencePointer& other : running_) {
      const std::size_t common = std::min(common_beginning(sequence, *other), other->computed);
      if (common / kPageTokens != sequence.table.pages.size()) continue;
      sequence.computed = ledger_.copy_tail(sequence.table, other->table, common);
      if (sequence.table.pages.size() * kPageTokens > common) break;
    }
  }
  const int room = std::max(0, std::min(options_.decode_room_tokens, sequence.tokens_left()));
  if (ledger_.reserve(sequence.table, sequence.tokens.size() + static_cast<std::size_t>(room))) return true;
  ledger_.release(sequence.table);
  sequence.computed = 0;
  return false;
}

void Scheduler::admit() {
  std::vector<Sequence*> order;
  for (const SequencePointer& sequence : waiting_) order.push_back(sequence.get());
  std::stable_sort(order.begin(), order.end(),
                   [this](const Sequence* a, const Sequence* b) { return urgency(*a) < urgency(*b); });
  for (Sequence* sequence : order) {
    const auto max_sequences = std::min(static_cast<std::size_t>(std::max(1, options_.max_sequences)), rows_max_);
    while (running_.size() >= max_sequences) {
      if (!preempt_for(*sequence, 1)) return;
    }
    if (Sequence* leader = leader_of(*sequence, running_)) {
      leader->priority = std::min(leader->priority, sequence->priority);  // nobody waits for a less urgent one
      continue;
    }
    bool admitted = try_admit(*sequence);
    while (!admitted && preempt_for(*sequence, 1)) admitted = try_admit(*sequence);
    if (!admitted && !running_.empty()) return;  // pages come back when one of them ends
    const auto at = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& s) { return s.get() == sequence; });
    SequencePointer taken = std::move(*at);
    waiting_.erase(at);
    if (!admitted) {
      end(std::move(taken), fail(ErrorCode::kResourceExhausted,
                                 "the KV memory cannot hold a sequence of " + std::to_string(sequence->tokens.size()) +
                                     " tokens and room for its answer",
                                 "raise kv_memory_bytes or shorten the prompt"));
      continue;
    }
    if (!taken->started) {
      taken->started = clock_.monotonic_now();
      taken->usage.queued = *taken->started - taken->submitted;
      taken->usage.cached_tokens = static_cast<int>(taken->computed);
      stats_.prompt_tokens += taken->prompt_tokens;
      stats_.cached_tokens += taken->computed;
    }
    running_.push_back(std::move(taken));
  }
}

// ---- one step

void Scheduler::step() {
  if (stepping_) return;
  drop_cancelled();
  admit();
  if (running_.empty()) return;
  compose();
  if (batch_.empty()) {
    if (!idle()) wake();
    return;
  }
  stepping_ = true;
  ++stats_.steps;
  step_begin_ = clock_.monotonic_now();
  backend_.step(batch_, [self = shared_from_this()](Status status) {
    self->compute_.post([self, status = std::move(status)] { self->finish_step(status); });
  });
}

bool Scheduler::make_room(Sequence& sequence, std::size_t positions) {
  while (!ledger_.reserve(sequence.table, positions)) {
    if (!preempt_for(sequence, 0)) return false;
  }
  return true;
}

std::vector<TokenId> Scheduler::guesses_for(Sequence& sequence, std::size_t rows_left) {
  if (!options_.speculation) return {};
  // Guesses are worth free rows and free pages, and nothing that another sequence could use.
  const std::size_t computed = sequence.computed + 1;
  int most = std::min(sequence.guess_length.tokens(options_.speculation_tokens_max), sequence.tokens_left() - 1);
  most = std::min(most, static_cast<int>(rows_left));
  if (most <= 0) return {};
  const std::size_t room = ledger_.reserve_free(sequence.table, computed + static_cast<std::size_t>(most));
  most = std::min(most, static_cast<int>(room - std::min(room, computed)));
  return guess_by_lookup(sequence.tokens, most);
}

void Scheduler::compose() {
  batch_.clear();
  batch_sequences_.clear();
  step_prefill_tokens_ = step_decode_rows_ = 0;
  std::vector<Sequence*> order;
  for (const SequencePointer& sequence : running_) order.push_back(sequence.get());
  std::stable_sort(order.begin(), order.end(), [this](const Sequence* a, const Sequence* b) {
    return a->decoding() != b->decoding() ? a->decoding() : urgency(*a) < urgency(*b);
  });
  const auto is_running = [this](const Sequence* sequence) {  // it may have been preempted for one before it
    return std::any_of(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == sequence; });
  };
  std::size_t decoding_left = static_cast<std::size_t>(
      std::count_if(order.begin(), order.end(), [](const Sequence* s) { return s->decoding(); }));
  std::size_t budget = 0;
  for (Sequence* sequence : order) {
    if (!is_running(sequence)) continue;
    if (sequence->decoding()) {
      --decoding_left;
      if (!make_room(*sequence, sequence->tokens.size())) continue;
      const std::vector<TokenId> guesses =
          guesses_for(*sequence, rows_max_ - std::min(rows_max_, step_decode_rows_ + 1 + decoding_left));
      step_decode_rows_ += 1 + guesses.size();
      add_to_batch(*sequence, 1, guesses);
      continue;
    }
    if (step_prefill_tokens_ == 0) budget = pace_.prefill_budget(step_decode_rows_);
    std::size_t count = std::min(sequence->tokens.size() - sequence->computed, budget);
    if (sequence->echoing()) count = std::min(count, kEchoTokens);
    if (count == 0 || !make_room(*sequence, sequence->computed + count)) continue;
    budget -= count;
    step_prefill_tokens_ += count;
    add_to_batch(*sequence, count, {});
  }
  if (batch_.empty() && !running_.empty()) {
    // Alone, and longer than all pages together.
    SequencePointer stuck = std::move(running_.back());
    running_.pop_back();
    end(std::move(stuck), fail(ErrorCode::kResourceExhausted, "the KV memory is full and nothing can be evicted",
                               "raise kv_memory_bytes or ask for fewer tokens"));
  }
}

void Scheduler::add_to_batch(Sequence& sequence, std::size_t count, std::span<const TokenId> guesses) {
  sequence.step_tokens = count;
  SequenceStep entry;
  entry.position = static_cast<int>(sequence.computed);
  entry.pages = sequence.table.pages;
  entry.cancelled = sequence.request.cancelled.get();
  entry.tokens = std::span<const TokenId>(sequence.tokens).subspan(sequence.computed, count);
  const bool last = sequence.computed + count == sequence.tokens.size();
  sequence.chooser.begin(*sequence.request.sampler, guesses);
  if (sequence.echoing()) {
    entry.logits_wanted = static_cast<int>(count);
    sequence.logits.clear();
    entry.logits = &sequence.logits;
  } else if (last && sequence.request.tokens_max > 0) {
    entry.logits_wanted = 1 + static_cast<int>(guesses.size());
    entry.chooser = &sequence.chooser;
  }
  if (!guesses.empty()) {
    sequence.step_row.assign(entry.tokens.begin(), entry.tokens.end());
    sequence.step_row.insert(sequence.step_row.end(), guesses.begin(), guesses.end());
    entry.tokens = sequence.step_row;
  }
  batch_.push_back(std::move(entry));
  batch_sequences_.push_back(&sequence);
}

void Scheduler::finish_step(const Status& status) {
  stepping_ = false;
  if (status.ok()) pace_.learn(clock_.monotonic_now() - step_begin_, step_prefill_tokens_, step_decode_rows_);
  for (Sequence* done : batch_sequences_) {
    const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == done; });
    CHECK(at != running_.end(), "a sequence in a step is running");
    Outcome outcome;
    if (done->request.cancelled->load()) {
      outcome = Result<FinishReason>(FinishReason::kCancelled);
    } else if (!status.ok()) {
      outcome = Result<FinishReason>(status.error());
    } else {
      outcome = take_results(*done);
    }
    if (!outcome) continue;
    SequencePointer ended = std::move(*at);
    running_.erase(at);
    end(std::move(ended), std::move(*outcome));
  }
  batch_.clear();
  batch_sequences_.clear();
  if (!idle()) wake();
}

Scheduler::Outcome Scheduler::take_results(Sequence& sequence) {
  const std::size_t first = sequence.computed;
  sequence.computed += sequence.step_tokens;
  if (sequence.echoing()) read_echo(sequence, first);
  const std::vector<ChosenToken>& chosen = sequence.chooser.chosen();
  Outcome outcome;
  for (std::size_t i = 0; i < chosen.size() && !outcome; ++i) {
    if (i > 0) ++sequence.computed;  // the guess before it was right, so its KV is there
    outcome = accept(sequence, chosen[i]);
  }
  const int guessed = static_cast<int>(sequence.step_row.size()) - (sequence.step_row.empty() ? 0 : 1);
  if (guessed > 0) {
    const int right = static_cast<int>(chosen.size()) - 1;
    sequence.guess_length.learn(guessed, right, options_.speculation_tokens_max);
    stats_.guessed_tokens += static_cast<std::uint64_t>(guessed);
    stats_.accepted_tokens += static_cast<std::uint64_t>(right);
  }
  stats_.computed_tokens += sequence.step_tokens + static_cast<std::size_t>(guessed);
  sequence.step_row.clear();
  ledger_.publish(sequence.table, sequence.tokens, sequence.computed, sequence.request.owner);
  if (!outcome && sequence.computed == sequence.tokens.size())
    outcome = Result<FinishReason>(FinishReason::kLength);  // only the prompt's KV was wanted
  return outcome;
}

void Scheduler::read_echo(Sequence& sequence, std::size_t first) {
  const auto vocabulary = static_cast<std::size_t>(backend_.info().vocabulary);
  if (sequence.echoed.empty()) {
    sequence.echoed.push_back({sequence.tokens[0], std::numeric_limits<float>::quiet_NaN(), {}});
  }
  for (std::size_t i = 0; i < sequence.step_tokens; ++i) {
    const std::span<float> row(sequence.logits.data() + i * vocabulary, vocabulary);
    const std::size_t next = first + i + 1;
    if (next < sequence.prompt_tokens) {
      sequence.echoed.push_back(Sampler::describe(row, sequence.tokens[next], sequence.request.echo_top));
    } else {
      sequence.request.on_echo(std::move(sequence.echoed));
      if (sequence.request.tokens_max > 0) sequence.chooser.choose(row);
    }
  }
}

Scheduler::Outcome Scheduler::accept(Sequence& sequence, const ChosenToken& chosen) {
  if (!sequence.first_token) {
    sequence.first_token = clock_.monotonic_now();
    sequence.usage.prefill = *sequence.first_token - *sequence.started;
  }
  const std::vector<TokenId>& ends = sequence.request.end_tokens;
  if (std::find(ends.begin(), ends.end(), chosen.id) != ends.end()) return Result<FinishReason>(FinishReason::kStop);
  ++sequence.generated;
  ++stats_.generated_tokens;
  sequence.usage.completion_tokens = sequence.generated;
  sequence.tokens.push_back(chosen.id);
  if (!sequence.request.on_token(chosen)) return Result<FinishReason>(FinishReason::kStop);
  if (sequence.request.sampler->finished() && &chosen == &sequence.chooser.chosen().back())
    return Result<FinishReason>(FinishReason::kStop);
  if (sequence.tokens_left() <= 0) return Result<FinishReason>(FinishReason::kLength);
  return std::nullopt;
}

void Scheduler::end(SequencePointer sequence, Result<FinishReason> reason) {
  KvChain chain;
  if (!sequence->table.keys.empty()) chain.last = sequence->table.keys.back();
  ledger_.release(sequence->table);
  if (sequence->first_token) sequence->usage.decode = clock_.monotonic_now() - *sequence->first_token;
  sequence->request.on_done(std::move(reason), sequence->usage, chain);
}

// ---- what becomes of pages

void Scheduler::set_turn_state(const KvChain& chain, TurnState state) {
  if (!chain.last) return;
  const bool soon = state == TurnState::kWaitingForTool || state == TurnState::kRunning;
  const bool never = state == TurnState::kSuperseded || state == TurnState::kDone;
  ledger_.expect(*chain.last, soon    ? kv::Expectation::kSoon
                              : never ? kv::Expectation::kNever
                                      : kv::Expectation::kPerhaps);
}

std::vector<kv::HeldPages> Scheduler::held_pages() const {
  std::vector<kv::HeldPages> held;
  for (const SequencePointer& sequence : running_) {
    kv::HeldPages pages{sequence->table.pages, sequence->table.pages.size()};
    if (stepping_ && in_batch(*sequence)) pages.written_from = sequence->computed / kPageTokens;
    held.push_back(pages);
  }
  for (const SequencePointer& sequence : waiting_)
    held.push_back({sequence->table.pages, sequence->table.pages.size()});
  return held;
}

ModelStats Scheduler::stats() const {
  ModelStats stats = stats_;
  stats.waiting = static_cast<int>(waiting_.size());
  stats.running = static_cast<int>(running_.size());
  stats.evictions = ledger_.evictions();
  stats.prefill_tokens_per_s = pace_.prefill_tokens_per_s();
  stats.decode_step_ms = pace_.decode_step_ms();
  stats.pages = ledger_.audit(held_pages()).counts;
  return stats;
}

std::string Scheduler::audit() {
  ++stats_.audits;
  const std::vector<kv::HeldPages> held = held_pages();
  const kv::AuditReport report = ledger_.audit(held);
  if (report.ok()) return "";
  ++stats_.audit_violations;
  if (!stepping_) ledger_.repair(held);
  return report.text();
}

}  // namespace mnema
