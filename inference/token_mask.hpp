// inference/token_mask.hpp
//
// The seam between constrained output and sampling: something that knows, after each token, which tokens may follow.
// Implemented by inference/grammar; called by the sampler with the logits of one sequence in hand.
//
// Threads: confined to the sequence's step (one thread at a time).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class TokenMask {
 public:
  virtual ~TokenMask() = default;

  /// Sets bit t of `allowed` (one bit per token, 64 per word, size ⌈vocabulary/64⌉) iff token t may come next.
  /// End-of-sequence tokens are allowed iff the text so far is complete. At least one bit is set while `status` is ok,
  /// none after.
  virtual void fill(std::span<std::uint64_t> allowed) = 0;

  /// True iff `token` may come next; cheaper than `fill` when only one candidate is tried.
  [[nodiscard]] virtual bool allows(TokenId token) = 0;

  /// The token was chosen. Precondition: it was allowed.
  virtual void accept(TokenId token) = 0;

  /// True iff nothing but the end may follow.
  [[nodiscard]] virtual bool finished() const = 0;

  /// Why the text cannot go on and must not end either; stays once it is not ok. Learned by `fill`, `allows` and
  /// `accept`; the sequence fails with it, and no other is harmed.
  [[nodiscard]] virtual Status status() const { return {}; }

  /// An independent copy at the same position (speculation, fork).
  [[nodiscard]] virtual std::unique_ptr<TokenMask> clone() const = 0;
};

}  // namespace mnema
