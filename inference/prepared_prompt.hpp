// inference/prepared_prompt.hpp
//
// A prompt as one model reads it: token ids, the borders between what is everybody's, the tenant's and the user's, and
// the text that the template made. `Engine::prepare` makes it once; counting, comparing and generating work on it.
//
// Threads:   plain value, immutable once shared.
// Invariant: `token_ends` is empty or has one entry per token, none below the one before it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "inference/kv/salts.hpp"
#include "inference/request.hpp"

namespace mnema {

struct PreparedPrompt {
  std::string model;            // whose ids these are, as the engine tells its models apart
  std::vector<TokenId> tokens;  // not empty
  kv::SharingBorders borders;
  std::string text;                       // what the template made; empty where the prompt was a text or ids
  std::vector<std::uint32_t> token_ends;  // bytes of `text` up to each token's end; empty without a text
  bool begins_in_reasoning = false;       // the template has written <think> already

  [[nodiscard]] int size() const { return static_cast<int>(tokens.size()); }
  /// How many of the first tokens lie wholly within the first `bytes` bytes of `text`.
  [[nodiscard]] int tokens_within(std::size_t bytes) const {
    const auto first_beyond = std::upper_bound(token_ends.begin(), token_ends.end(), bytes);
    return static_cast<int>(first_beyond - token_ends.begin());
  }
  /// Where token number `index` begins in `text`.
  [[nodiscard]] std::size_t byte_of(std::size_t index) const {
    return index == 0 || token_ends.empty() ? 0 : token_ends[std::min(index, token_ends.size()) - 1];
  }
};

}  // namespace mnema
