#include "connectors/breaker.hpp"

#include <algorithm>
#include <string>

namespace mnema {

std::string_view name_of(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      return "half_open";
  }
  return "closed";
}

void Breaker::advance(MonotonicTime now) {
  Duration slot_length = policy_.window / kSlots;
  for (int i = 0; i < kSlots && now - slot_started_ >= slot_length; ++i) {
    slot_ = (slot_ + 1) % kSlots;
    slots_[static_cast<std::size_t>(slot_)] = Slot{};
    slot_started_ += slot_length;
  }
  // A pause longer than the window has emptied every slot; the ring starts afresh from here.
  if (now - slot_started_ >= slot_length) slot_started_ = now;
}

void Breaker::enter(State state) {
  state_ = state;
  ++epoch_;
  probing_ = false;
  probes_passed_ = 0;
  slots_.fill(Slot{});
}

void Breaker::open(MonotonicTime now) {
  enter(State::kOpen);
  open_until_ = now + open_for_;
  open_for_ = std::min(open_for_ * 2, policy_.open_for_max);
}

Breaker::State Breaker::state(MonotonicTime now) const {
  return state_ == State::kOpen && now >= open_until_ ? State::kHalfOpen : state_;
}

Result<Breaker::Epoch> Breaker::admit(MonotonicTime now, std::string_view upstream) {
  advance(now);
  if (state_ == State::kOpen && now >= open_until_) enter(State::kHalfOpen);
  if (state_ == State::kClosed) return epoch_;
  if (state_ == State::kHalfOpen && !probing_) {
    probing_ = true;
    return epoch_;
  }
  Duration wait = state_ == State::kOpen ? open_until_ - now : policy_.open_for;
  return fail_retryable(ErrorCode::kUnavailable,
                        "upstream '" + std::string(upstream) + "' has failed too often and is left alone for a while",
                        "the next try is in " + std::to_string((wait.count() + 999) / 1000) + " ms",
                        static_cast<long>((wait.count() + 999) / 1000));
}

void Breaker::on_success(MonotonicTime now, Epoch epoch) {
  advance(now);
  if (epoch != epoch_) return;
  if (state_ == State::kClosed) {
    ++slots_[static_cast<std::size_t>(slot_)].successes;
    return;
  }
  probing_ = false;
  if (++probes_passed_ < policy_.probes_to_close) return;
  enter(State::kClosed);
  open_for_ = policy_.open_for;
}

void Breaker::on_failure(MonotonicTime now, Epoch epoch) {
  advance(now);
  if (epoch != epoch_) return;
  if (state_ == State::kHalfOpen) return open(now);
  ++slots_[static_cast<std::size_t>(slot_)].failures;
  int calls = 0;
  int failures = 0;
  for (const Slot& slot : slots_) {
    calls += slot.successes + slot.failures;
    failures += slot.failures;
  }
  if (calls >= policy_.calls_min && failures >= policy_.failure_ratio * calls) open(now);
}

void Breaker::on_abandoned(MonotonicTime now, Epoch epoch) {
  advance(now);
  if (epoch == epoch_) probing_ = false;
}

}  // namespace mnema
