// inference/admission.hpp
//
// Which sequence comes first, and which had better wait for another's prefix.
//
// Urgency orders sequences once and for all: both of a pair age alike, so who gives way to whom never turns round, and
// what waits long enough comes before everything that arrives later.
//
// Following: when requests with the same beginning arrive together (several choices of one prompt, several users of one
// document), the first computes it and the others are admitted when its pages are there.
//
// Threads: pure functions over the scheduler's sequences, on its thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "inference/sequence.hpp"
#include "runtime/clock.hpp"

namespace mnema {

/// Smaller runs first. One step of priority is worth `ageing_ms` of waiting.
[[nodiscard]] double urgency_of(const Sequence& sequence, int ageing_ms);

/// Positions whose KV `sequence` could take over from `other`, once it is computed there.
[[nodiscard]] std::size_t common_beginning(const Sequence& sequence, const Sequence& other);

/// The running sequence that is still computing a beginning which `sequence` would otherwise compute as well, or
/// nullptr. At least a page is to be gained.
[[nodiscard]] Sequence* leader_of(const Sequence& sequence, const std::vector<std::unique_ptr<Sequence>>& running);

}  // namespace mnema
