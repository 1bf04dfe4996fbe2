// inference/speculation.hpp
//
// Speculative decoding by prompt look-up: what followed the last few tokens when they stood in the text before is
// guessed to follow again. The guesses are computed together with the token they follow; from the first wrong one on
// the results are thrown away.
//
// The tokens are exactly those without guessing, sampled ones included: the sampler is asked for one position after the
// other, only as long as the guesses before were right, and a row's logits do not depend on what else is in the step
// (backend.hpp).
//
// Threads: confined to its sequence, as sampler.hpp.
#pragma once

#include <span>
#include <vector>

#include "inference/backend.hpp"
#include "inference/sampler.hpp"

namespace mnema {

/// At most `most` tokens that followed the last occurrence of the text's end earlier in the text. Empty: none found.
[[nodiscard]] std::vector<TokenId> guess_by_lookup(std::span<const TokenId> tokens, int most);

/// How far ahead it pays to guess: doubles while guesses are right, halves where they are wrong.
class GuessLength {
 public:
  [[nodiscard]] int tokens(int most) const { return length_ < most ? length_ : most; }
  void learn(int guessed, int right, int most);

 private:
  int length_ = 2;
};

/// Asks the sampler for the positions of one step until a guess was wrong.
class GuessingChooser final : public TokenChooser {
 public:
  /// Before each step.
  void begin(Sampler& sampler, std::span<const TokenId> guesses);
  TokenId choose(std::span<float> logits) override;

  /// What was chosen, in order: one token more than guesses were right. A cancelled step may leave less.
  [[nodiscard]] const std::vector<ChosenToken>& chosen() const { return chosen_; }

 private:
  Sampler* sampler_ = nullptr;
  std::vector<TokenId> guesses_;
  std::vector<ChosenToken> chosen_;
  bool wrong_ = false;
};

}  // namespace mnema
