// runtime/wake_timer.hpp
//
// One wake-up at the nearest of the times asked for. An Executor cannot take back what was posted with a delay; so a
// nearer time posts once more, and what comes too late finds nothing to do. An owner without anything to wait for arms
// nothing: idle costs nothing.
//
// Threads:   confined to the home executor, where the callback runs too.
// Ownership: the callback holds its owner weakly.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "runtime/clock.hpp"
#include "runtime/executor.hpp"

namespace mnema {

class WakeTimer {
 public:
  WakeTimer(Executor& home, const Clock& clock) : home_(home), clock_(clock) {}

  /// Runs `wake` at `at` or soon after, unless a wake-up at or before `at` is already on its way.
  void wake_at(Time at, std::function<void()> wake) {
    if (*armed_ && **armed_ <= at) return;
    *armed_ = at;
    const Duration delay = std::max(Duration{}, std::chrono::duration_cast<Duration>(at - clock_.now()));
    home_.post_after(delay, [armed = armed_, at, wake = std::move(wake)] {
      if (*armed != at) return;  // a nearer one has taken this one's place
      armed->reset();
      wake();
    });
  }

 private:
  Executor& home_;
  const Clock& clock_;
  const std::shared_ptr<std::optional<Time>> armed_ = std::make_shared<std::optional<Time>>();
};

}  // namespace mnema
