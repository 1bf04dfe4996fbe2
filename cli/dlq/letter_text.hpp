// cli/dlq/letter_text.hpp
//
// How a dead letter looks on a terminal. Bytes that are not UTF-8 are named by their number only, and what moves a
// cursor is taken out, so that no terminal gets what a stranger sent.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "runtime/events/dead_letters.hpp"

namespace mnema {

/// One line of a list, without its end.
[[nodiscard]] std::string line_of(const DeadLetterSummary& summary);
/// All that is known, several lines.
[[nodiscard]] std::string story_of(const DeadLetter& letter);

}  // namespace mnema
