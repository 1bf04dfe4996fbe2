// inference/grammar/regular_expression.hpp
//
// From expressions without rules to automata over characters and back: for what is easier to write as an expression
// (numbers between bounds) and needs the operations of automata (which of them are multiples).
//
// Threads: pure functions.
#pragma once

#include <optional>

#include "inference/grammar/character_automaton.hpp"
#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

/// Precondition: no rule is referred to. nullopt: too large.
[[nodiscard]] std::optional<CharacterAutomaton> automaton_of(const Expression& expression);
/// The texts as they are, not as JSON writes them in a string.
[[nodiscard]] Expression expression_of(const CharacterAutomaton& automaton);

}  // namespace mnema::grammar
