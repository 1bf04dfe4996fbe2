#include "inference/guess_chooser.hpp"

namespace mnema {
namespace {

constexpr TokenId kNoToken = -1;  // after a wrong guess the logits mean nothing

}  // namespace

void GuessChooser::begin(Sampler& sampler, std::vector<TokenId> guess) {
  sampler_ = &sampler;
  guess_ = std::move(guess);
  chosen_.clear();
  over_ = false;
}

TokenId GuessChooser::choose(std::span<float> logits) { return over_ ? kNoToken : noted(sampler_->choose(logits)); }

TokenId GuessChooser::choose_among(std::span<const TokenLogit> best) {
  return over_ ? kNoToken : noted(sampler_->choose_among(best));
}

TokenId GuessChooser::noted(TokenId id) {
  over_ = !sampler_->status().ok();
  if (over_) return kNoToken;
  chosen_.push_back(sampler_->last());
  over_ = sampler_->finished() || chosen_.size() > guess_.size() || guess_[chosen_.size() - 1] != id;
  return id;
}

}  // namespace mnema
