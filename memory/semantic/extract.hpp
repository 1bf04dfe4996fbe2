// memory/semantic/extract.hpp
//
// What an episode claims, by rules (rules.hpp) and without a model. English.
//
//   - Questions, suppositions, wishes, plans without a date, quoted and indented text and code claim nothing.
//   - "I" is who speaks; of the model's own words only what it says of "you" or of things counts, and little
//     (kAssistantConfidence). An episode whose attribute kFromMemory is set was written from recalled text: it claims
//     nothing, so that memory never feeds on itself.
//
// Threads: pure function.
#pragma once

#include <vector>

#include "memory/semantic/fact.hpp"

namespace mnema {

/// An attribute of episodes (agents set it): the text rests on what was recalled.
inline constexpr const char* kFromMemory = "from_memory";

/// What the model's own words are worth at most: below FactQuery::confidence_min.
inline constexpr double kAssistantConfidence = 0.4;

/// In the order of the words; without ids. A claim whose predicate is "?" corrects something that was said earlier, and
/// takes its predicate.
[[nodiscard]] std::vector<Claim> extract_claims(const Episode& episode, const FactLimits& limits);

}  // namespace mnema
