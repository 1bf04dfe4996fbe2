#include "inference/step_pace.hpp"

#include <algorithm>

#include "inference/kv/page_store.hpp"

namespace mnema {
namespace {

/// How much of the newest measurement goes into a rate.
constexpr double kNewestWeight = 0.3;

double blended(double old, double now) { return old == 0 ? now : old + kNewestWeight * (now - old); }

}  // namespace

StepPace::StepPace(std::size_t tokens_max, int prefill_step_ms)
    : tokens_max_(tokens_max), prefill_step_s_(prefill_step_ms / 1e3) {}

std::size_t StepPace::prefill_budget(std::size_t decode_rows) const {
  const std::size_t rest = tokens_max_ - std::min(tokens_max_, decode_rows);
  if (decode_rows == 0 || prefill_tokens_per_s_ == 0) return rest;
  // At least a page: a slow machine must not starve prompts.
  const double quick = std::max(1.0 * kPageTokens, prefill_tokens_per_s_ * prefill_step_s_);
  return std::min(rest, static_cast<std::size_t>(std::min(quick, 1e9)));
}

void StepPace::learn(Duration took, std::size_t prefill_tokens, std::size_t decode_rows) {
  const double seconds = std::chrono::duration<double>(took).count();
  if (seconds <= 0) return;
  if (prefill_tokens == 0) {
    decode_step_ms_ = blended(decode_step_ms_, 1e3 * seconds);
  } else if (prefill_tokens >= kPageTokens) {  // fewer say more about overheads than about the rate
    // What the decoding rows beside it cost alone is not the prompt's.
    const double decoding = decode_rows == 0 ? 0 : std::min(decode_step_ms_ / 1e3, seconds / 2);
    prefill_tokens_per_s_ = blended(prefill_tokens_per_s_, static_cast<double>(prefill_tokens) / (seconds - decoding));
  }
}

}  // namespace mnema
