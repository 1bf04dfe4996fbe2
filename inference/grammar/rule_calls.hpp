// inference/grammar/rule_calls.hpp
//
// What is known of an automaton before it runs: where no text can be completed any more, which rules allow the empty
// text, and which rules call which before a byte is read. All of it takes time in proportion to the states.
//
// Threads: pure functions.
#pragma once

#include "inference/grammar/automaton.hpp"

namespace mnema::grammar {

/// Makes every state a dead end from which its rule cannot be completed.
void close_dead_ends(Automaton& automaton);

/// Fills in `nullable` and `rank`. Returns a left-recursive rule, or -1: a rule that can call itself before it has read
/// a byte would be expanded for ever. Precondition: dead ends are closed.
[[nodiscard]] int rank_rules(Automaton& automaton);

}  // namespace mnema::grammar
