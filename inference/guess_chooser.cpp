#include "inference/guess_chooser.hpp"

namespace mnema {

void GuessChooser::begin(Sampler& sampler, std::vector<TokenId> guess) {
  sampler_ = &sampler;
  guess_ = std::move(guess);
  chosen_.clear();
  over_ = false;
}

TokenId GuessChooser::choose(std::span<float> logits) {
  if (over_) return -1;  // after a wrong guess the logits mean nothing
  const TokenId id = sampler_->choose(logits);
  chosen_.push_back(sampler_->last());
  over_ = sampler_->finished() || chosen_.size() > guess_.size() || guess_[chosen_.size() - 1] != id;
  return id;
}

}  // namespace mnema
