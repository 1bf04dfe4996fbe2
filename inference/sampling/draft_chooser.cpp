#include "inference/sampling/draft_chooser.hpp"

namespace mnema {
namespace {

constexpr TokenId kNoToken = -1;  // after a wrong draft token the logits mean nothing

}  // namespace

void DraftChooser::begin(Sampler& sampler, std::vector<TokenId> draft) {
  sampler_ = &sampler;
  draft_ = std::move(draft);
  chosen_.clear();
  over_ = false;
}

TokenId DraftChooser::choose(std::span<float> logits) { return over_ ? kNoToken : noted(sampler_->choose(logits)); }

TokenId DraftChooser::choose_among(std::span<const TokenLogit> best) {
  return over_ ? kNoToken : noted(sampler_->choose_among(best));
}

TokenId DraftChooser::noted(TokenId id) {
  over_ = !sampler_->status().ok();
  if (over_) return kNoToken;
  chosen_.push_back(sampler_->last());
  over_ = sampler_->finished() || chosen_.size() > draft_.size() || draft_[chosen_.size() - 1] != id;
  return id;
}

}  // namespace mnema
