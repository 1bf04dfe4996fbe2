#include "inference/scheduler/scheduler.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// Waiting to be better by less than this is no reason to take a running sequence's place.
constexpr double kPreemptMargin = 1;

}  // namespace

Scheduler::Scheduler(Backend& backend, Executor& compute, const Clock& clock, const EngineOptions& options)
    : backend_(backend),
      compute_(compute),
      clock_(clock),
      options_(options),
      step_tokens_max_(
          static_cast<std::size_t>(std::max(1, std::min(options.max_batched_tokens, backend.tokens_per_step_max())))),
      // Every running sequence has at least one token in a step.
      sequences_max_(std::min(static_cast<std::size_t>(std::max(1, options.max_sequences)), step_tokens_max_)),
      format_{backend.page_store().layout_id(), backend.info().fingerprint},
      pool_(backend.page_store().pages_total()),
      tree_(pool_) {
  stats_.backend = backend.info().name;
}

void Scheduler::submit(SequenceRequest request) {
  CHECK(!request.tokens.empty() && request.sampler != nullptr, "a sequence has a prompt and a sampler");
  auto sequence = std::make_unique<Sequence>();
  sequence->tokens = request.tokens;
  sequence->prompt_tokens = request.tokens.size();
  sequence->request = std::move(request);
  sequence->number = ++submitted_;
  sequence->submitted = sequence->waiting_since = clock_.monotonic_now();
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

double Scheduler::urgency(const Sequence& sequence) const {
  Duration waited = sequence.waited;
  if (!sequence.running) waited += clock_.monotonic_now() - sequence.waiting_since;
  const double waited_ms = std::chrono::duration<double, std::milli>(waited).count();
  return static_cast<double>(sequence.request.priority) - waited_ms / std::max(1, options_.ageing_ms);
}

bool Scheduler::more_urgent(const Sequence& a, const Sequence& b) const {
  const double of_a = urgency(a), of_b = urgency(b);
  return of_a != of_b ? of_a < of_b : a.number < b.number;
}

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

void Scheduler::drop_cancelled() {
  const MonotonicTime now = clock_.monotonic_now();
  const auto sweep = [now](std::vector<SequencePointer>& sequences) {
    for (const SequencePointer& sequence : sequences) {
      if (sequence->request.cancelled->load()) {
        sequence->over = Result<FinishReason>(FinishReason::kCancelled);
      } else if (sequence->request.deadline && *sequence->request.deadline <= now) {
        sequence->over = Result<FinishReason>(
            fail(ErrorCode::kDeadlineExceeded, "the deadline passed while the model was computing"));
      }
    }
    return take_ended(sequences);
  };
  end(sweep(running_));
  end(sweep(waiting_));
}

void Scheduler::admit() {
  while (!waiting_.empty()) {
    const auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                       [this](const auto& a, const auto& b) { return more_urgent(*a, *b); });
    Sequence& sequence = **next;
    const bool has_slot = running_.size() < sequences_max_;
    if (has_slot && sequence.refused_at != departures_) {  // else nothing has changed since
      take_cached_pages(sequence);
      if (has_capacity_for(sequence, 0)) {
        start(next);
        continue;
      }
      release_pages(sequence);
      sequence.refused_at = departures_;
    }
    if (running_.empty()) {
      sequence.over = Result<FinishReason>(
          fail(ErrorCode::kResourceExhausted,
               "the KV memory cannot hold a prompt of " + std::to_string(sequence.tokens.size()) + " tokens",
               "raise kv_memory_bytes or shorten the prompt"));
      end(take_ended(waiting_));
      continue;
    }
    // Places come free when a running sequence ends. Only one that is less urgent by far gives its own back before,
    // and only where that helps.
    std::size_t released = 0;
    for (const SequencePointer& other : running_) {
      if (yields_to(sequence, *other)) released += pages_of(*other);
    }
    if (released == 0 || !has_capacity_for(sequence, released) || !preempt_for(sequence)) return;
  }
}

void Scheduler::start(std::vector<SequencePointer>::iterator waiting) {
  Sequence& sequence = **waiting;
  const MonotonicTime now = clock_.monotonic_now();
  sequence.waited += now - sequence.waiting_since;
  sequence.running = true;
  sequence.promised_tokens = tokens_with_answer(sequence);
  if (!sequence.started) {
    sequence.started = now;
    sequence.usage.queued = now - sequence.submitted;
    stats_.prompt_tokens += sequence.prompt_tokens;
  }
  count_cached(sequence);
  running_.push_back(std::move(*waiting));
  waiting_.erase(waiting);
}

bool Scheduler::outranks(const Sequence& a, const Sequence& b) const {
  if (a.request.priority != b.request.priority) return a.request.priority < b.request.priority;
  return more_urgent(a, b);
}

bool Scheduler::yields_to(const Sequence& waiting, const Sequence& running) const {
  return outranks(waiting, running) && urgency(running) - urgency(waiting) >= kPreemptMargin;
}

bool Scheduler::preempt_for(const Sequence& sequence) {
  const auto victim = std::max_element(running_.begin(), running_.end(),
                                       [this](const auto& a, const auto& b) { return outranks(*a, *b); });
  if (victim == running_.end() || !outranks(sequence, **victim)) return false;
  if (!sequence.running && !yields_to(sequence, **victim)) return false;
  if (std::find(batch_sequences_.begin(), batch_sequences_.end(), victim->get()) != batch_sequences_.end()) {
    return false;
  }
  Sequence& loser = **victim;
  release_pages(loser);
  ++departures_;
  loser.running = false;
  loser.waiting_since = clock_.monotonic_now();
  loser.echoed.clear();  // it begins again
  ++stats_.preemptions;
  waiting_.push_back(std::move(*victim));
  running_.erase(victim);
  return true;
}

bool Scheduler::reserve_pages(Sequence& sequence, std::size_t positions) {
  while (!allocate_pages(sequence, positions)) {
    if (!preempt_for(sequence)) return false;
  }
  return true;
}

std::vector<Scheduler::SequencePointer> Scheduler::take_ended(std::vector<SequencePointer>& sequences) {
  std::vector<SequencePointer> ended;
  for (SequencePointer& sequence : sequences) {
    if (sequence->over) ended.push_back(std::move(sequence));
  }
  std::erase(sequences, nullptr);
  return ended;
}

void Scheduler::end(std::vector<SequencePointer> ended) {
  for (const SequencePointer& sequence : ended) release_pages(*sequence);
  departures_ += ended.size();
  for (const SequencePointer& sequence : ended) {  // who is told may look at all pages
    if (sequence->first_token) sequence->usage.decode = clock_.monotonic_now() - *sequence->first_token;
    sequence->request.on_done(std::move(*sequence->over), sequence->usage);
  }
}

}  // namespace mnema
