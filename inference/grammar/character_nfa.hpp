// inference/grammar/character_nfa.hpp
//
// A nondeterministic automaton over Unicode characters (Thompson's construction), with the anchors and word boundaries
// of regular expressions as states that are passed only where they hold, and the subset construction over it.
//
// Threads: confined to one.
#pragma once

#include <optional>
#include <vector>

#include "inference/grammar/character_automaton.hpp"

namespace mnema::grammar {

struct CharacterNfa {
  enum class StateKind { kCharacters, kSplit, kBegin, kEnd, kBoundary, kNoBoundary, kAccept, kAcceptAll };
  struct State {
    StateKind kind = StateKind::kAccept;
    int next = -1;   // kSplit: first way
    int other = -1;  // kSplit: second way; kCharacters: index into `sets`
  };
  std::vector<State> states;
  std::vector<CodePointRanges> sets;
  bool has_boundaries = false;

  int add(StateKind kind, int next = -1, int other = -1);
  int characters(CodePointRanges set, int next);
};

/// The language from `start`, trimmed; nullopt beyond `states_max`, or work in proportion.
[[nodiscard]] std::optional<CharacterAutomaton> determinised(const CharacterNfa& nfa, int start,
                                                             std::size_t states_max);

}  // namespace mnema::grammar
