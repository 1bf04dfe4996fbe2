// One step: what is computed in it, and what came of it.
#include <algorithm>
#include <limits>

#include "inference/sampling/prompt_lookup.hpp"
#include "inference/scheduler/scheduler.hpp"

namespace mnema {
namespace {

/// Logits of so many prompt tokens at once, when a client wants to see them.
constexpr std::size_t kEchoTokens = 16;
/// How much of the newest measurement goes into a rate.
constexpr double kRateWeight = 0.3;
/// What tokens of a worse priority may add to the step of turns that decode, and what all others together may add until
/// the next step begins, as parts of the turns' own time: their tokens come at two thirds of their pace at least.
constexpr double kBesideTurnsShare = 0.25;
constexpr double kOthersShare = 0.45;
/// Embeddings alone may take this part of a step.
constexpr double kBetweenStepsShare = 0.3;
/// What is of a worse priority goes on, however quick the turns' steps are.
constexpr std::size_t kBesideTurnsTokensMin = 2;

double seconds_between(MonotonicTime begin, MonotonicTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

double blended(double old, double now) { return old == 0 ? now : old + kRateWeight * (now - old); }

}  // namespace

std::size_t Scheduler::prefill_tokens_in(double milliseconds) const {
  return static_cast<std::size_t>(stats_.prefill_tokens_per_s * milliseconds / 1e3);
}

std::size_t Scheduler::tokens_beside_turns() const {
  if (stats_.prefill_tokens_per_s <= 0 || turns_ms_ <= 0) return kPageTokens;
  const double budget_ms = std::min<double>(options_.background_step_ms, kBesideTurnsShare * turns_ms_);
  return std::max(kBesideTurnsTokensMin, prefill_tokens_in(budget_ms));
}

void Scheduler::compose() {
  batch_.clear();
  batch_sequences_.clear();
  step_prefill_tokens_ = step_turns_ = step_beside_turns_ = 0;
  std::vector<Sequence*> order;
  std::size_t decoding = 0;
  Priority best_turn = Priority::kPrestage;
  for (const SequencePointer& sequence : running_) {
    order.push_back(sequence.get());
    if (!sequence->decoding()) continue;
    ++decoding;
    best_turn = std::min(best_turn, sequence->request.priority);
  }
  std::sort(order.begin(), order.end(), [this](const Sequence* a, const Sequence* b) { return more_urgent(*a, *b); });
  std::size_t budget = step_tokens_max_ - decoding;
  const bool drafts = static_cast<int>(decoding) <= options_.speculation_sequences_max;
  const std::size_t beside_turns = tokens_beside_turns();
  // The longer a step, the longer its turns wait for their next tokens.
  std::size_t beside_equals = step_tokens_max_;
  if (stats_.prefill_tokens_per_s > 0)
    beside_equals = std::max<std::size_t>(kPageTokens, prefill_tokens_in(options_.prefill_step_ms));
  PageKeys coming;  // full pages that this step computes
  for (Sequence* sequence : order) {
    if (!sequence->running) continue;  // it was preempted for one before it
    const bool turns_first = decoding > 0 && sequence->request.priority > best_turn;
    if (turns_first && step_beside_turns_ >= beside_turns) continue;
    const std::size_t before = batch_.size();
    if (sequence->decoding()) {
      budget -= add_decode(*sequence, drafts && !turns_first ? budget : 0);
      if (batch_.size() > before) ++(turns_first ? step_beside_turns_ : step_turns_);
      continue;
    }
    std::size_t most = budget;
    if (turns_first) {
      most = std::min(most, beside_turns - step_beside_turns_);
    } else if (decoding > 0) {
      most = std::min(most, beside_equals - std::min(beside_equals, step_prefill_tokens_));
    }
    const std::size_t added = add_prefill(*sequence, most, coming);
    budget -= added;
    step_prefill_tokens_ += added;
    if (turns_first) step_beside_turns_ += added;
  }
  if (batch_.empty()) {  // it is alone: all others have given way to it
    running_.back()->over =
        Result<FinishReason>(fail(ErrorCode::kResourceExhausted, "the KV memory is full and nothing can be evicted",
                                  "raise kv_memory_bytes or lower max_sequences"));
    end(take_ended(running_));
  }
}

SequenceStep& Scheduler::add_to_batch(Sequence& sequence, std::span<const TokenId> tokens) {
  SequenceStep entry;
  entry.tokens = tokens;
  entry.position = static_cast<int>(sequence.computed);
  entry.pages = sequence.pages;
  entry.cancelled = sequence.request.cancelled.get();
  batch_.push_back(std::move(entry));
  batch_sequences_.push_back(&sequence);
  return batch_.back();
}

std::size_t Scheduler::add_decode(Sequence& sequence, std::size_t draft_tokens_max) {
  if (!reserve_pages(sequence, sequence.computed + 1)) return 0;
  std::vector<TokenId> draft = draft_for(sequence, draft_tokens_max);
  sequence.step_tokens = 1;
  sequence.step_input = {sequence.tokens.back()};
  sequence.step_input.insert(sequence.step_input.end(), draft.begin(), draft.end());
  SequenceStep& entry = add_to_batch(sequence, sequence.step_input);
  entry.logits_wanted = static_cast<int>(sequence.step_input.size());
  entry.chooser = sequence.request.sampler.get();
  const std::size_t drafted = draft.size();
  if (drafted > 0) {
    stats_.draft_tokens += drafted;
    sequence.draft.begin(*sequence.request.sampler, std::move(draft));
    entry.chooser = &sequence.draft;
  }
  return drafted;
}

std::vector<TokenId> Scheduler::draft_for(Sequence& sequence, std::size_t tokens_max) {
  const auto wanted = static_cast<std::size_t>(std::max(0, sequence.request.speculation_tokens_max));
  const auto left = static_cast<std::size_t>(sequence.request.tokens_max - sequence.generated - 1);
  tokens_max = std::min({tokens_max, wanted, left, sequence.draft_tokens});
  if (tokens_max == 0) return {};
  std::vector<TokenId> draft = draft_from_prompt(sequence.tokens, tokens_max);
  const std::vector<TokenId>& ends = sequence.request.end_tokens;
  draft.erase(std::find_first_of(draft.begin(), draft.end(), ends.begin(), ends.end()), draft.end());
  draft.resize(sequence.request.sampler->allowed_prefix(draft));
  // A draft may have a page that is free; nobody loses one for it.
  while (sequence.computed + 1 + draft.size() > sequence.pages.size() * kPageTokens) {
    if (pool_.free() > 0)
      static_cast<void>(allocate_pages(sequence, sequence.pages.size() * kPageTokens + 1));
    else
      draft.resize(sequence.pages.size() * kPageTokens - sequence.computed - 1);
  }
  return draft;
}

std::size_t Scheduler::add_prefill(Sequence& sequence, std::size_t tokens_max, PageKeys& coming) {
  take_cached_pages(sequence);
  count_cached(sequence);
  const std::size_t first = sequence.computed, left = sequence.tokens.size() - first;
  std::size_t count = std::min(left, tokens_max);
  if (sequence.echoes()) {
    count = std::min(count, kEchoTokens);
  } else if (first % kPageTokens == 0 && left > kPageTokens &&
             coming.contains(key_of_page(sequence, first / kPageTokens))) {
    return 0;  // its next page is being computed in this very step: it takes that over in the next one
  } else if (count < left) {
    const std::size_t whole_pages = (first + count) / kPageTokens * kPageTokens;
    if (whole_pages > first) count = whole_pages - first;
  }
  if (count == 0 || !reserve_pages(sequence, first + count)) return 0;
  for (std::size_t page = first / kPageTokens; (page + 1) * kPageTokens <= first + count; ++page) {
    coming.insert(key_of_page(sequence, page));
  }
  sequence.step_tokens = count;
  SequenceStep& entry = add_to_batch(sequence, std::span<const TokenId>(sequence.tokens).subspan(first, count));
  if (sequence.echoes()) {
    entry.logits_wanted = static_cast<int>(count);
    sequence.logits.clear();
    entry.logits = &sequence.logits;
  } else if (count == left) {
    entry.logits_wanted = 1;
    entry.chooser = sequence.request.sampler.get();
  }
  return count;
}

void Scheduler::measure_step(const Status& status) {
  const double seconds = seconds_between(step_begin_, clock_.monotonic_now());
  if (seconds <= 0 || !status.ok()) return;
  if (step_prefill_tokens_ >= kPageTokens) {
    stats_.prefill_tokens_per_s =
        blended(stats_.prefill_tokens_per_s, static_cast<double>(step_prefill_tokens_) / seconds);
  } else if (step_prefill_tokens_ == 0) {
    stats_.decode_step_ms = blended(stats_.decode_step_ms, 1e3 * seconds);
  }
  // Without prompts of the turns' own priority the step is theirs but for what was beside them.
  if (step_turns_ == 0 || step_prefill_tokens_ > step_beside_turns_) return;
  double own = seconds;
  if (step_beside_turns_ > 0) {
    const double rows = static_cast<double>(step_turns_ + step_beside_turns_);
    const double token_seconds = stats_.prefill_tokens_per_s > 0 ? 1 / stats_.prefill_tokens_per_s : 0;
    own = std::max(seconds * static_cast<double>(step_turns_) / rows,
                   seconds - token_seconds * static_cast<double>(step_beside_turns_));
  }
  turns_ms_ = blended(turns_ms_, 1e3 * own);
}

Duration Scheduler::time_between_steps(Duration step) const {
  const double step_ms = std::chrono::duration<double, std::milli>(step).count();
  double budget_ms = kBetweenStepsShare * step_ms;
  if (step_turns_ > 0 && turns_ms_ > 0) {
    budget_ms = std::min(kBetweenStepsShare * turns_ms_, (1 + kOthersShare) * turns_ms_ - step_ms);
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(std::max(0.0, budget_ms)));
}

void Scheduler::finish_step(const Status& status) {
  stepping_ = false;
  const Duration step_time = std::chrono::duration_cast<Duration>(clock_.monotonic_now() - step_begin_);
  measure_step(status);
  for (Sequence* sequence : batch_sequences_) {
    if (sequence->request.cancelled->load()) {
      sequence->over = Result<FinishReason>(FinishReason::kCancelled);
    } else if (!status.ok()) {
      sequence->over = Result<FinishReason>(status.error());
    } else {
      const std::optional<FinishReason> reason = advance(*sequence);
      if (const Status constraint = sequence->request.sampler->status(); !constraint.ok())
        sequence->over = Result<FinishReason>(constraint.error());
      else if (reason)
        sequence->over = Result<FinishReason>(*reason);
    }
  }
  batch_.clear();
  batch_sequences_.clear();
  end(take_ended(running_));
  if (between_steps_) between_steps_(time_between_steps(step_time));
  if (!idle()) wake();
}

std::optional<FinishReason> Scheduler::advance(Sequence& sequence) {
  const std::size_t first = sequence.computed;
  sequence.computed += sequence.step_tokens;
  stats_.computed_tokens += sequence.step_tokens + sequence.draft.draft().size();
  if (sequence.echoes()) read_echo(sequence, first);
  std::optional<FinishReason> over;
  if (sequence.computed == sequence.tokens.size() && sequence.request.sampler->status().ok()) {
    if (sequence.draft.draft().empty()) {
      const Sampler& sampler = *sequence.request.sampler;
      over = accept(sequence, sampler.last(), sampler.finished());
    } else {
      over = accept_draft(sequence);
    }
  }
  sequence.counted = std::max(sequence.counted, sequence.computed);
  share_full_pages(sequence);
  return over;
}

std::optional<FinishReason> Scheduler::accept(Sequence& sequence, const ChosenToken& chosen, bool finished) {
  if (!sequence.first_token) {
    sequence.first_token = clock_.monotonic_now();
    sequence.usage.prefill = *sequence.first_token - *sequence.started;
  }
  const std::vector<TokenId>& ends = sequence.request.end_tokens;
  if (std::find(ends.begin(), ends.end(), chosen.id) != ends.end()) return FinishReason::kStop;
  ++sequence.generated;
  ++stats_.generated_tokens;
  sequence.usage.completion_tokens = sequence.generated;
  sequence.tokens.push_back(chosen.id);
  if (!sequence.request.on_token(chosen) || finished) return FinishReason::kStop;
  if (sequence.generated >= sequence.request.tokens_max) return FinishReason::kLength;
  return std::nullopt;
}

std::optional<FinishReason> Scheduler::accept_draft(Sequence& sequence) {
  const std::vector<ChosenToken>& chosen = sequence.draft.chosen();
  const std::size_t right = chosen.size() - 1;
  stats_.accepted_tokens += right;
  std::optional<FinishReason> over;
  for (std::size_t i = 0; i < chosen.size() && !over; ++i) {
    over = accept(sequence, chosen[i], i == right && sequence.request.sampler->finished());
    if (!over && i < right) ++sequence.computed;  // it was drafted, so its KV is there
  }
  // A wrong draft costs its rows of the step. KV of what was drafted wrong is overwritten by the next step.
  sequence.draft_tokens = std::max<std::size_t>(1, 2 * right);
  sequence.draft.begin(*sequence.request.sampler, {});
  return over;
}

void Scheduler::read_echo(Sequence& sequence, std::size_t first) {
  const auto vocabulary = static_cast<std::size_t>(backend_.info().vocabulary);
  if (sequence.echoed.empty()) {
    sequence.echoed.push_back({sequence.tokens[0], std::numeric_limits<float>::quiet_NaN(), {}});
  }
  for (std::size_t i = 0; i < sequence.step_tokens; ++i) {
    std::span<float> row(sequence.logits.data() + i * vocabulary, vocabulary);
    const std::size_t next = first + i + 1;
    if (next < sequence.prompt_tokens) {
      sequence.echoed.push_back(Sampler::describe(row, sequence.tokens[next], sequence.request.echo_top));
    } else {
      sequence.request.on_echo(std::move(sequence.echoed));
      sequence.request.sampler->choose(row);
    }
  }
}

}  // namespace mnema
