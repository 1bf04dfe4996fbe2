// inference/grammar/number_multiples.hpp
//
// The numbers that are multiples of another, as an automaton that keeps the remainder of the digits read so far.
//
// Threads: pure functions.
#pragma once

#include <optional>

#include "inference/grammar/character_automaton.hpp"
#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

/// Plain decimal texts ("-1.50") of the multiples of `of`, which is above 0. nullopt: its digits make too large an
/// automaton (more than 20,000 remainders).
[[nodiscard]] std::optional<CharacterAutomaton> multiples_of(const Decimal& of);

}  // namespace mnema::grammar
