#include "inference/speculation.hpp"

#include <algorithm>

namespace mnema {
namespace {

constexpr std::size_t kLongestMatch = 3, kShortestMatch = 2;
/// How far back is looked: a step must not wait for the search.
constexpr std::size_t kLookback = 8192;

}  // namespace

std::vector<TokenId> guess_by_lookup(std::span<const TokenId> tokens, int most) {
  if (most <= 0) return {};
  const std::span<const TokenId> text = tokens.subspan(tokens.size() - std::min(tokens.size(), kLookback));
  for (std::size_t length = kLongestMatch; length >= kShortestMatch; --length) {
    if (text.size() <= length) continue;
    const std::span<const TokenId> end = text.last(length);
    for (std::size_t at = text.size() - length; at-- > 0;) {
      if (!std::equal(end.begin(), end.end(), text.begin() + static_cast<std::ptrdiff_t>(at))) continue;
      const std::span<const TokenId> after = text.subspan(at + length);
      const std::size_t count = std::min(after.size(), static_cast<std::size_t>(most));
      return {after.begin(), after.begin() + static_cast<std::ptrdiff_t>(count)};
    }
  }
  return {};
}

void GuessLength::learn(int guessed, int right, int most) {
  if (guessed == 0) return;
  length_ = right == guessed ? std::min(2 * length_, std::max(1, most)) : std::max(1, length_ / 2);
}

void GuessingChooser::begin(Sampler& sampler, std::span<const TokenId> guesses) {
  sampler_ = &sampler;
  guesses_.assign(guesses.begin(), guesses.end());
  chosen_.clear();
  wrong_ = false;
}

TokenId GuessingChooser::choose(std::span<float> logits) {
  if (wrong_) return -1;
  const TokenId id = sampler_->choose(logits);
  chosen_.push_back(sampler_->last());
  const std::size_t position = chosen_.size() - 1;
  // After the end of a constraint there is nothing to ask for.
  wrong_ = position >= guesses_.size() || guesses_[position] != id || sampler_->finished();
  return id;
}

}  // namespace mnema
