// inference/grammar/pattern_automaton.hpp
//
// A regular expression of JSON Schema as an automaton over a string's characters. Not anchored, as the specification
// says: without ^ or $ anything may stand before or behind. Anchors, word boundaries and lookahead may stand anywhere
// but inside a repetition that has no end (lookahead); lookbehind and back-references are refused.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "inference/grammar/character_automaton.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// Errors: `kUnsupported` (names the construct, or says that the automaton would be too large) or `kInvalidArgument`.
[[nodiscard]] Result<CharacterAutomaton> automaton_of_pattern(std::string_view pattern);

}  // namespace mnema::grammar
