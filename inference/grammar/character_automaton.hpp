// inference/grammar/character_automaton.hpp
//
// A regular language over Unicode characters as a deterministic automaton: what several patterns, formats, lengths and
// excluded names of one string become together. The operations are those that a grammar of expressions lacks: both at
// once, none of these, so long.
//
// Every operation that may grow takes the most states it may have and gives nullopt beyond: the caller refuses.
//
// Threads: immutable values; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/code_points.hpp"

namespace mnema::grammar {

struct CharacterAutomaton {
  /// Disjoint; together all code points but the surrogates. No state tells the characters of one class apart.
  std::vector<CodePointRanges> classes;
  std::vector<std::int32_t> next;  // [states, classes]; -1 = no text goes on
  std::vector<bool> accepting;     // [states]; state 0 is the beginning; no states: no text at all

  [[nodiscard]] std::size_t states() const { return accepting.size(); }
  [[nodiscard]] bool empty() const { return accepting.empty(); }
  [[nodiscard]] std::int32_t step(std::size_t state, std::size_t of_class) const {
    return next[state * classes.size() + of_class];
  }
  [[nodiscard]] bool accepts(std::u32string_view text) const;
};

/// Classes of characters that none of `sets` tells apart; `members[i]` lists the classes that make up set i.
[[nodiscard]] std::vector<CodePointRanges> partition(const std::vector<CodePointRanges>& sets,
                                                     std::vector<std::vector<int>>& members);

[[nodiscard]] CharacterAutomaton any_text();
[[nodiscard]] CharacterAutomaton texts_of(const std::vector<std::u32string>& texts);
[[nodiscard]] CharacterAutomaton complement(const CharacterAutomaton& of);
[[nodiscard]] std::optional<CharacterAutomaton> intersection(const CharacterAutomaton& a, const CharacterAutomaton& b,
                                                             std::size_t states_max);
/// The texts of min..max characters; max < 0: unbounded.
[[nodiscard]] std::optional<CharacterAutomaton> with_length(const CharacterAutomaton& of, std::int64_t min,
                                                            std::int64_t max, std::size_t states_max);
/// Without the states from which no text is completed.
[[nodiscard]] CharacterAutomaton trimmed(CharacterAutomaton of);

struct LengthBounds {
  std::int64_t min = 0;
  std::int64_t max = 0;  // -1 = unbounded
};
/// Of a trimmed automaton that is not empty.
[[nodiscard]] LengthBounds length_bounds(const CharacterAutomaton& of);

/// All its texts where there are at most `count_max`, in the order of their characters; else nullopt.
[[nodiscard]] std::optional<std::vector<std::u32string>> texts_in(const CharacterAutomaton& of, std::size_t count_max);

}  // namespace mnema::grammar
