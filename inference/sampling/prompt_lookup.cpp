#include "inference/sampling/prompt_lookup.hpp"

#include <algorithm>

namespace mnema {
namespace {

constexpr std::size_t kMatchMin = 2;   // one equal token says little
constexpr std::size_t kMatchMax = 8;   // a longer match is hardly a better one
constexpr std::size_t kReach = 16384;  // tokens looked back: some microseconds

}  // namespace

std::vector<TokenId> draft_from_prompt(std::span<const TokenId> tokens, std::size_t tokens_max) {
  if (tokens.empty()) return {};
  const std::span<const TokenId> text = tokens.last(std::min(tokens.size(), kReach));
  const std::size_t size = text.size();
  std::size_t best_length = kMatchMin - 1, best_end = size;
  for (std::size_t end = size - 1; end > best_length && best_length < kMatchMax; --end) {
    std::size_t length = 0;
    while (length < std::min(end, kMatchMax) && text[end - 1 - length] == text[size - 1 - length]) ++length;
    if (length > best_length) best_length = length, best_end = end;
  }
  if (best_end == size) return {};
  // An occurrence that overlaps the end is a repetition: the draft repeats it further.
  std::vector<TokenId> draft;
  const std::size_t period = size - best_end;
  while (draft.size() < tokens_max) {
    draft.push_back(draft.size() < period ? text[best_end + draft.size()] : draft[draft.size() - period]);
  }
  return draft;
}

}  // namespace mnema
