// inference/sampling/draft_chooser.hpp
//
// Verifies draft tokens in one step. At each position the sampler chooses as it always does; while it chooses what was
// drafted, the next position's logits are those it would have seen, and it goes on. So it makes the same choices, with
// the same draws, as without a draft.
//
// Threads: as the sampler: the scheduler's thread between steps, one compute thread inside a step.
#pragma once

#include <vector>

#include "inference/sampling/sampler.hpp"

namespace mnema {

class DraftChooser final : public TokenChooser {
 public:
  /// For the next step, whose tokens are the sequence's last one and then `draft`. `sampler` outlives the step.
  void begin(Sampler& sampler, std::vector<TokenId> draft);

  TokenId choose(std::span<float> logits) override;
  [[nodiscard]] float margin() const override { return sampler_->margin(); }
  TokenId choose_among(std::span<const TokenLogit> best) override;

  [[nodiscard]] const std::vector<TokenId>& draft() const { return draft_; }
  /// What the sampler chose: the draft as far as it was right, and one token more.
  [[nodiscard]] const std::vector<ChosenToken>& chosen() const { return chosen_; }

 private:
  TokenId noted(TokenId id);

  Sampler* sampler_ = nullptr;
  std::vector<TokenId> draft_;
  std::vector<ChosenToken> chosen_;
  bool over_ = false;
};

}  // namespace mnema
