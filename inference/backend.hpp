// inference/backend.hpp
//
// The seam between the scheduler, which decides, and the hardware, which computes. One call is one whole step for all
// sequences in a batch, sampling and grammar mask inside, so that CUDA graphs and device sampling fit behind it.
//
// Threads:   `step` from the scheduler's thread, one at a time per backend; `on_done` may come on any thread.
// Contract:  within a backend a sequence's result is bit-identical for every batch size, chunking, thread count and
//            split of its KV (fixed block order; per-page (max, sum, out) merged in page order).
// Ownership: a backend owns one model's weights and its page store; the caller owns sequences and page tables.
#pragma once

#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "inference/kv/page_store.hpp"
#include "inference/request.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// One token's logit.
struct TokenLogit {
  TokenId id = 0;
  float logit = 0;
};

/// Chooses tokens from logits for one sequence; inference/sampling/sampler.hpp implements it. Called on a compute
/// thread.
class TokenChooser {
 public:
  virtual ~TokenChooser() = default;
  /// `logits`: f32 [vocabulary], may be modified. Returns the chosen token.
  virtual TokenId choose(std::span<float> logits) = 0;

  /// How far below the highest logit a token may lie and still matter to the next choice. A backend may then call
  /// `choose_among` instead of `choose`. Infinite: all matter.
  [[nodiscard]] virtual float margin() const { return std::numeric_limits<float>::infinity(); }
  /// As `choose`, with the same result, given by ascending id at least all tokens within `margin()` of the highest.
  virtual TokenId choose_among(std::span<const TokenLogit> /*best*/) {
    CHECK(false, "a chooser with a finite margin chooses among the best");
    return 0;
  }
};

/// One sequence's share of a step: run `tokens` at positions position..position+n-1, reading and writing KV through
/// `pages` (global order; page i holds positions 32·i .. 32·i+31).
struct SequenceStep {
  std::span<const TokenId> tokens;
  int position = 0;
  std::span<const PageId> pages;    // covers position + tokens.size() positions; written pages are not shared
  int logits_wanted = 0;            // for how many of the last tokens logits are made: 0, 1 or (speculation, echo) more
  TokenChooser* chooser = nullptr;  // with logits_wanted ≥ 1: called once per wanted position, oldest first
  std::vector<TokenId> chosen;      // out: what `chooser` returned; with none: empty
  std::vector<float>* logits = nullptr;          // out, optional: f32 [logits_wanted, vocabulary] copied to the host
  const std::atomic<bool>* cancelled = nullptr;  // checked between layers; a cancelled sequence's output is undefined
};

struct BackendInfo {
  std::string name;          // "scalar", "avx2", "avx512"
  std::string architecture;  // "llama", "qwen2", ...
  std::string fingerprint;   // SHA-256 (hex) over what decides the KV bytes: weights, hyper-parameters, kernels' layout
  int context_length = 0;
  int vocabulary = 0;
  long long weight_bytes_mapped = 0;
  long long weight_bytes_resident = 0;
  long long weight_bytes_per_token = 0;  // file bytes that one decode step reads (without KV)
};

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual const BackendInfo& info() const = 0;
  [[nodiscard]] virtual PageStore& page_store() = 0;

  /// Runs one step. `batch` and what it points to stay alive and untouched until `on_done`. Total tokens in a batch
  /// ≤ tokens_per_step_max(). Errors: `kCancelled` when every sequence was cancelled, `kInternal`.
  virtual void step(std::span<SequenceStep> batch, std::function<void(Status)> on_done) = 0;
  [[nodiscard]] virtual int tokens_per_step_max() const = 0;
};

}  // namespace mnema
