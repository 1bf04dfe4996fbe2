// inference/sampling/prompt_lookup.hpp
//
// Drafts how a text goes on from the text itself: where its last tokens have stood before, what followed them then may
// follow now. Quotes, edited code and lists with a repeated shape go on like this for long stretches.
//
// Threads: pure.
#pragma once

#include <span>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

/// What may follow `tokens`: what followed the longest earlier occurrence of their end, of equally long ones the
/// newest. At most `tokens_max`; none where the end has not stood before. Looks back a bounded way.
[[nodiscard]] std::vector<TokenId> draft_from_prompt(std::span<const TokenId> tokens, std::size_t tokens_max);

}  // namespace mnema
