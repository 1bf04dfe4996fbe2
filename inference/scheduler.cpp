#include "inference/scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/check.hpp"

namespace mnema {
namespace {

/// Logits of so many prompt tokens at once, when a client wants to see them.
constexpr std::size_t kEchoTokens = 16;
/// How much of the newest measurement goes into a rate.
constexpr double kRateWeight = 0.3;

std::size_t pages_for(std::size_t positions) { return (positions + kPageTokens - 1) / kPageTokens; }

double seconds_between(MonotonicTime begin, MonotonicTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

double blended(double old, double now) { return old == 0 ? now : old + kRateWeight * (now - old); }

}  // namespace

Scheduler::Scheduler(Backend& backend, Executor& compute, const Clock& clock, const EngineOptions& options)
    : backend_(backend),
      compute_(compute),
      clock_(clock),
      options_(options),
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

double Scheduler::urgency(const Sequence& sequence) const {
  const double waited_ms = 1e3 * seconds_between(sequence.submitted, clock_.monotonic_now());
  return static_cast<double>(sequence.request.priority) - waited_ms / std::max(1, options_.ageing_ms);
}

const kv::Salt& Scheduler::salt_of_page(const Sequence& sequence, std::size_t page) const {
  const auto last = static_cast<int>((page + 1) * kPageTokens) - 1;  // the strictest: sharing only narrows
  return sequence.request.salts.of(sequence.request.borders.at(last));
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
  const auto over = [now](const Sequence& sequence) -> std::optional<Result<FinishReason>> {
    if (sequence.request.cancelled->load()) return Result<FinishReason>(FinishReason::kCancelled);
    if (sequence.request.deadline && *sequence.request.deadline <= now) {
      return Result<FinishReason>(
          fail(ErrorCode::kDeadlineExceeded, "the deadline passed while the model was computing"));
    }
    return std::nullopt;
  };
  const auto sweep = [&](auto& sequences) {
    for (auto at = sequences.begin(); at != sequences.end();) {
      std::optional<Result<FinishReason>> reason = over(**at);
      if (!reason) {
        ++at;
        continue;
      }
      SequencePointer sequence = std::move(*at);
      at = sequences.erase(at);
      end(std::move(sequence), std::move(*reason));
    }
  };
  sweep(running_);
  sweep(waiting_);
}

void Scheduler::take_cached_pages(Sequence& sequence) {
  if (sequence.request.echo_top >= 0 && sequence.generated == 0) return;  // every prompt token's logits are wanted
  // At least one token is computed, because the next one is chosen from its logits.
  const std::size_t most = (sequence.tokens.size() - 1) / kPageTokens;
  kv::PageKey parent;
  for (std::size_t page = 0; page < most; ++page) {
    const std::span<const TokenId> tokens(sequence.tokens.data() + page * kPageTokens, kPageTokens);
    const kv::PageKey key = kv::page_key(format_, salt_of_page(sequence, page), parent, tokens);
    const PageId id = tree_.take(key, tokens);
    if (id == kNoPage) break;
    sequence.pages.push_back(id);
    sequence.keys.push_back(key);
    parent = key;
  }
  sequence.shared_pages = sequence.keys.size();
  sequence.computed = sequence.pages.size() * kPageTokens;
}

bool Scheduler::try_admit(Sequence& sequence) {
  take_cached_pages(sequence);
  const std::size_t room = static_cast<std::size_t>(
      std::min(options_.decode_room_tokens, std::max(1, sequence.request.tokens_max - sequence.generated)));
  const std::size_t wanted = pages_for(sequence.tokens.size() + room) - sequence.pages.size();
  if (pool_.free() < static_cast<int>(wanted))
    stats_.evictions += static_cast<std::uint64_t>(tree_.evict(static_cast<int>(wanted)));
  if (pool_.free() >= static_cast<int>(wanted)) return true;
  release_pages(sequence);
  return false;
}

void Scheduler::admit() {
  while (!waiting_.empty() && static_cast<int>(running_.size()) < options_.max_sequences) {
    auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                 [this](const auto& a, const auto& b) { return urgency(*a) < urgency(*b); });
    Sequence& sequence = **next;
    if (!try_admit(sequence)) {
      if (!running_.empty()) return;  // pages come back when one of them ends
      SequencePointer hopeless = std::move(*next);
      waiting_.erase(next);
      end(std::move(hopeless),
          fail(ErrorCode::kResourceExhausted,
               "the KV memory cannot hold a prompt of " + std::to_string(sequence.tokens.size()) + " tokens",
               "raise kv_memory_bytes or shorten the prompt"));
      continue;
    }
    if (!sequence.started) {
      sequence.started = clock_.monotonic_now();
      sequence.usage.queued = *sequence.started - sequence.submitted;
      sequence.usage.cached_tokens = static_cast<int>(sequence.computed);
      stats_.prompt_tokens += sequence.prompt_tokens;
      stats_.cached_tokens += sequence.computed;
    }
    running_.push_back(std::move(*next));
    waiting_.erase(next);
  }
}

bool Scheduler::preempt_for(const Sequence& sequence) {
  const auto victim = std::max_element(running_.begin(), running_.end(),
                                       [this](const auto& a, const auto& b) { return urgency(*a) < urgency(*b); });
  if (victim == running_.end() || victim->get() == &sequence) return false;
  for (const Sequence* in_batch : batch_sequences_) {
    if (in_batch == victim->get()) return false;
  }
  release_pages(**victim);
  ++stats_.preemptions;
  waiting_.push_front(std::move(*victim));
  running_.erase(victim);
  return true;
}

bool Scheduler::make_room(Sequence& sequence, std::size_t positions) {
  while (sequence.pages.size() < pages_for(positions)) {
    PageId page = pool_.allocate();
    if (page == kNoPage) {
      stats_.evictions += static_cast<std::uint64_t>(tree_.evict(1));
      page = pool_.allocate();
    }
    if (page == kNoPage) return false;
    sequence.pages.push_back(page);
  }
  return true;
}

std::size_t Scheduler::prefill_budget(std::size_t decoding) const {
  const auto batch = static_cast<std::size_t>(std::min(options_.max_batched_tokens, backend_.tokens_per_step_max()));
  std::size_t budget = batch > decoding ? batch - decoding : 0;
  if (decoding > 0 && stats_.prefill_tokens_per_s > 0) {
    const double quick = stats_.prefill_tokens_per_s * options_.prefill_step_ms / 1e3;
    budget = std::min(budget, static_cast<std::size_t>(std::max(1.0 * kPageTokens, quick)));
  }
  return budget;
}

void Scheduler::compose() {
  batch_.clear();
  batch_sequences_.clear();
  step_prefill_tokens_ = 0;
  std::vector<Sequence*> order;
  for (const SequencePointer& sequence : running_) order.push_back(sequence.get());
  std::stable_sort(order.begin(), order.end(), [this](const Sequence* a, const Sequence* b) {
    return a->decoding() != b->decoding() ? a->decoding() : urgency(*a) < urgency(*b);
  });
  const auto decoding = static_cast<std::size_t>(
      std::count_if(order.begin(), order.end(), [](const Sequence* s) { return s->decoding(); }));
  std::size_t budget = prefill_budget(decoding);
  for (Sequence* sequence : order) {
    // It may have been preempted for one before it.
    if (std::none_of(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == sequence; })) continue;
    std::size_t count = sequence->tokens.size() - sequence->computed;
    const bool echo = sequence->request.echo_top >= 0 && sequence->generated == 0;
    if (!sequence->decoding()) {
      count = std::min(count, budget);
      if (echo) count = std::min(count, kEchoTokens);
      if (count == 0) continue;
    }
    bool has_room = make_room(*sequence, sequence->computed + count);
    while (!has_room && preempt_for(*sequence)) has_room = make_room(*sequence, sequence->computed + count);
    if (!has_room) continue;  // alone and too long, or all others are in the batch: finish_step decides
    if (!sequence->decoding()) {
      budget -= count;
      step_prefill_tokens_ += count;
    }
    SequenceStep entry;
    entry.tokens = std::span<const TokenId>(sequence->tokens).subspan(sequence->computed, count);
    entry.position = static_cast<int>(sequence->computed);
    entry.pages = sequence->pages;
    entry.cancelled = sequence->request.cancelled.get();
    const bool last = sequence->computed + count == sequence->tokens.size();
    if (echo) {
      entry.logits_wanted = static_cast<int>(count);
      sequence->logits.clear();
      entry.logits = &sequence->logits;
    } else if (last) {
      entry.logits_wanted = 1;
      entry.chooser = sequence->request.sampler.get();
    }
    sequence->step_tokens = count;
    batch_.push_back(std::move(entry));
    batch_sequences_.push_back(sequence);
  }
  if (batch_.empty() && !running_.empty()) {
    SequencePointer stuck = std::move(running_.back());
    running_.pop_back();
    end(std::move(stuck), fail(ErrorCode::kResourceExhausted, "the KV memory is full and nothing can be evicted",
                               "raise kv_memory_bytes or lower max_sequences"));
  }
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

void Scheduler::share_full_pages(Sequence& sequence) {
  while ((sequence.keys.size() + 1) * kPageTokens <= sequence.computed) {
    const std::size_t page = sequence.keys.size();
    const std::span<const TokenId> tokens(sequence.tokens.data() + page * kPageTokens, kPageTokens);
    const kv::PageKey parent = page == 0 ? kv::PageKey{} : sequence.keys.back();
    const kv::Salt& salt = salt_of_page(sequence, page);
    const kv::PageKey key = kv::page_key(format_, salt, parent, tokens);
    static_cast<void>(tree_.insert(key, parent, salt, tokens, sequence.pages[page]));
    sequence.keys.push_back(key);
  }
}

bool Scheduler::accept(Sequence& sequence) {
  const ChosenToken& chosen = sequence.request.sampler->last();
  if (!sequence.first_token) {
    sequence.first_token = clock_.monotonic_now();
    sequence.usage.prefill = *sequence.first_token - *sequence.started;
  }
  const std::vector<TokenId>& ends = sequence.request.end_tokens;
  if (std::find(ends.begin(), ends.end(), chosen.id) != ends.end()) return true;
  ++sequence.generated;
  ++stats_.generated_tokens;
  sequence.usage.completion_tokens = sequence.generated;
  sequence.tokens.push_back(chosen.id);
  if (!sequence.request.on_token(chosen)) return true;
  return sequence.request.sampler->finished();
}

void Scheduler::finish_step(const Status& status) {
  stepping_ = false;
  const double seconds = seconds_between(step_begin_, clock_.monotonic_now());
  if (seconds > 0 && status.ok()) {
    if (step_prefill_tokens_ >= kPageTokens) {
      stats_.prefill_tokens_per_s =
          blended(stats_.prefill_tokens_per_s, static_cast<double>(step_prefill_tokens_) / seconds);
    } else if (step_prefill_tokens_ == 0) {
      stats_.decode_step_ms = blended(stats_.decode_step_ms, 1e3 * seconds);
    }
  }
  for (Sequence* in_batch : batch_sequences_) {
    const auto at = std::find_if(running_.begin(), running_.end(), [&](const auto& s) { return s.get() == in_batch; });
    CHECK(at != running_.end(), "a sequence in a step is running");
    Sequence& sequence = **at;
    std::optional<Result<FinishReason>> over;
    if (sequence.request.cancelled->load()) {
      over = Result<FinishReason>(FinishReason::kCancelled);
    } else if (!status.ok()) {
      over = Result<FinishReason>(status.error());
    } else {
      const std::size_t first = sequence.computed;
      sequence.computed += sequence.step_tokens;
      stats_.computed_tokens += sequence.step_tokens;
      share_full_pages(sequence);
      if (sequence.request.echo_top >= 0 && sequence.generated == 0) read_echo(sequence, first);
      if (sequence.computed == sequence.tokens.size()) {
        if (accept(sequence))
          over = Result<FinishReason>(FinishReason::kStop);
        else if (sequence.generated >= sequence.request.tokens_max)
          over = Result<FinishReason>(FinishReason::kLength);
      }
    }
    if (!over) continue;
    SequencePointer ended = std::move(*at);
    running_.erase(at);
    end(std::move(ended), std::move(*over));
  }
  batch_.clear();
  batch_sequences_.clear();
  if (!idle()) wake();
}

void Scheduler::release_pages(Sequence& sequence) {
  for (const PageId page : sequence.pages) pool_.release(page);
  sequence.pages.clear();
  sequence.keys.clear();
  sequence.computed = 0;
}

void Scheduler::end(SequencePointer sequence, Result<FinishReason> reason) {
  release_pages(*sequence);
  if (sequence->first_token) sequence->usage.decode = clock_.monotonic_now() - *sequence->first_token;
  sequence->request.on_done(std::move(reason), sequence->usage);
}

ModelStats Scheduler::stats() const {
  ModelStats stats = stats_;
  stats.waiting = static_cast<int>(waiting_.size());
  stats.running = static_cast<int>(running_.size());
  stats.pages.total = pool_.total();
  stats.pages.free = pool_.free();
  stats.pages.cached = tree_.idle_pages();
  stats.pages.used = stats.pages.total - stats.pages.free - stats.pages.cached;
  return stats;
}

std::string Scheduler::audit() {
  ++stats_.audits;
  // Each holder is counted where it stands, and compared with what the pool believes.
  std::vector<int> holders(static_cast<std::size_t>(pool_.total()), 0);
  const auto count = [&holders](PageId page) { ++holders[static_cast<std::size_t>(page)]; };
  for (const auto& sequence : running_) std::for_each(sequence->pages.begin(), sequence->pages.end(), count);
  for (const auto& sequence : waiting_) std::for_each(sequence->pages.begin(), sequence->pages.end(), count);
  tree_.for_each_page(count);
  std::string report;
  for (PageId page = 0; page < pool_.total(); ++page) {
    const int counted = holders[static_cast<std::size_t>(page)], believed = pool_.holders(page);
    if (counted != believed && report.size() < 1000) {
      report += "page " + std::to_string(page) + " has " + std::to_string(counted) + " holders, the pool believes " +
                std::to_string(believed) + "; ";
    }
  }
  if (!report.empty()) {
    ++stats_.audit_violations;
    pool_.restore(holders);
  }
  return report;
}

}  // namespace mnema
