// runtime/exec/wake_timer.hpp
//
// One wake-up at the nearest of the times asked for. An Executor cannot take back what was posted with a delay; so a
// nearer time posts once more, and what comes too late finds nothing to do. An owner without anything to wait for arms
// nothing: idle costs nothing.
//
// A far time is waited for in steps of at most a minute: no delay is too long for an executor, and a wall clock that
// was moved, or a machine that slept, makes a wake-up late by a minute at most.
//
// Threads:   confined to the home executor, where the callback runs too.
// Ownership: the callback holds its owner weakly; what is still posted when the timer goes does nothing.
// Invariant: a post is made only for a time before those of all posts on their way, so they do not pile up.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class WakeTimer {
 public:
  WakeTimer(Executor& home, const Clock& clock) : state_(std::make_shared<State>(home, clock)) {}

  /// Runs `wake` at `at` or soon after, unless a wake-up at or before `at` is already on its way.
  void wake_at(Time at, std::function<void()> wake) {
    if (state_->wanted && *state_->wanted <= at) return;
    state_->wanted = at;
    state_->wake = std::move(wake);
    arm(state_);
  }

 private:
  static constexpr Duration kStepMax = std::chrono::minutes(1);

  struct State {
    State(Executor& lent, const Clock& time) : home(lent), clock(time) {}
    Executor& home;
    const Clock& clock;
    std::optional<Time> wanted;
    std::function<void()> wake;          // for `wanted`
    std::multiset<MonotonicTime> posts;  // on their way
  };

  static void arm(const std::shared_ptr<State>& state) {
    const Time now = state->clock.now();
    const Duration delay = *state->wanted <= now ? Duration{} : std::min(kStepMax, *state->wanted - now);
    const MonotonicTime due = state->clock.monotonic_now() + delay;
    if (!state->posts.empty() && *state->posts.begin() <= due) return;
    state->posts.insert(due);
    state->home.post_after(delay, [weak = std::weak_ptr(state), due] {
      if (const auto armed = weak.lock()) fire(armed, due);
    });
  }

  static void fire(const std::shared_ptr<State>& state, MonotonicTime due) {
    state->posts.erase(state->posts.find(due));
    if (!state->wanted) return;
    if (*state->wanted > state->clock.now()) return arm(state);
    state->wanted.reset();
    std::exchange(state->wake, nullptr)();
  }

  const std::shared_ptr<State> state_;
};

}  // namespace mnema
