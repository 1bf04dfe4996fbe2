// inference/sampling/sampler.hpp
//
// Chooses the next token of one sequence from its logits, in this order: forbidden and biased tokens, penalties,
// constraint, then greedy (temperature below 1e-6), or temperature, top-k, min-p, top-p and a draw.
//
// The n-th draw of a seed is always the same number, so a request with a seed gives the same tokens whatever else is in
// the batch and after every restart.
//
// Threads:   confined to its sequence: the scheduler's thread between steps, one compute thread inside a step.
// Ownership: owns the constraint's mask.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "inference/backend.hpp"
#include "inference/request.hpp"
#include "inference/token_mask.hpp"

namespace mnema {

/// A chosen token, with what the model thought of it and of the others.
struct ChosenToken {
  TokenId id = 0;
  float logprob = 0;                           // natural logarithm, of the model's own distribution
  std::vector<std::pair<TokenId, float>> top;  // best first
};

class Sampler final : public TokenChooser {
 public:
  /// `forbidden`: never chosen (the end tokens of a benchmark). `mask` may be null.
  Sampler(SamplingOptions options, std::uint64_t seed, std::vector<TokenId> forbidden, std::unique_ptr<TokenMask> mask);

  /// Tokens already there count for penalties. Before the first `choose`.
  void note_context(std::span<const TokenId> tokens);

  /// Where the constraint fails nothing is chosen: -1, and `status` says why.
  TokenId choose(std::span<float> logits) override;
  /// Finite for greedy and min-p where nothing else moves or reports single logits.
  [[nodiscard]] float margin() const override;
  TokenId choose_among(std::span<const TokenLogit> best) override;

  /// How many of the first of `draft` the constraint allows one after the other.
  [[nodiscard]] std::size_t allowed_prefix(std::span<const TokenId> draft) const;

  /// What the last `choose` took.
  [[nodiscard]] const ChosenToken& last() const { return last_; }
  /// The constraint is satisfied and nothing may follow.
  [[nodiscard]] bool finished() const { return mask_ != nullptr && mask_->finished(); }

  /// Not ok once the constraint has failed: the sequence must not go on, nor end as if it were whole.
  [[nodiscard]] Status status() const { return mask_ == nullptr ? Status() : mask_->status(); }

  /// log softmax of `logits` at `id`, and the `top` best beside it.
  [[nodiscard]] static ChosenToken describe(std::span<const float> logits, TokenId id, int top);

 private:
  void penalise(std::span<float> logits) const;
  void apply_mask(std::span<float> logits);
  [[nodiscard]] bool penalises() const;
  [[nodiscard]] bool is_greedy() const { return inverse_temperature_ == 0; }
  TokenId draw_from(std::span<const float> logits);
  void add_candidate(TokenId id, float logit, float highest);
  TokenId draw();  // from candidates_, which are not empty
  double next_unit();

  const SamplingOptions options_;
  const float inverse_temperature_;  // 0: greedy
  const std::uint64_t seed_;
  const std::vector<TokenId> forbidden_;
  std::unique_ptr<TokenMask> mask_;
  std::vector<std::uint64_t> allowed_;
  std::vector<TokenId> context_;  // the newest last; as many as penalties look back
  std::uint64_t draws_ = 0;
  ChosenToken last_;
  std::vector<float> raw_;  // the model's own logits, where they are asked for
  using Candidate = std::pair<float, TokenId>;
  std::vector<Candidate> candidates_;
};

}  // namespace mnema
