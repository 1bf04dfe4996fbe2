// inference/step_pace.hpp
//
// How fast steps have been of late, and how much of waiting prompts fits the next one. Sequences that are decoding wait
// for the whole step, so what is prefilled beside them is as much as the machine computes in `prefill_step_ms`.
//
// Threads: confined to the scheduler's thread.
#pragma once

#include <cstddef>

#include "runtime/clock.hpp"

namespace mnema {

class StepPace {
 public:
  /// `tokens_max`: of one step. `prefill_step_ms`: what decoding sequences may be kept waiting.
  StepPace(std::size_t tokens_max, int prefill_step_ms);

  /// Prompt tokens that the next step takes beside `decode_rows` rows of decoding sequences.
  [[nodiscard]] std::size_t prefill_budget(std::size_t decode_rows) const;
  /// A step has ended.
  void learn(Duration took, std::size_t prefill_tokens, std::size_t decode_rows);

  [[nodiscard]] double prefill_tokens_per_s() const { return prefill_tokens_per_s_; }  // 0 = not yet known
  [[nodiscard]] double decode_step_ms() const { return decode_step_ms_; }              // 0 = not yet known

 private:
  const std::size_t tokens_max_;
  const double prefill_step_s_;
  double prefill_tokens_per_s_ = 0;
  double decode_step_ms_ = 0;
};

}  // namespace mnema
