// inference/grammar/automaton.hpp
//
// A grammar as a pushdown automaton over bytes: one small nondeterministic automaton per rule (Thompson's
// construction), and calls from rule to rule. matcher.hpp runs it.
//
// Threads: immutable after `compile`.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "inference/grammar/expression.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

using ByteSet = std::bitset<256>;

struct Automaton {
  /// kDeadEnd: from here no text can be completed. kDistinct: Node::Kind::kDistinct.
  enum class StateKind : std::uint8_t { kBytes, kSplit, kCall, kEnd, kDeadEnd, kDistinct };
  struct State {
    StateKind kind = StateKind::kEnd;
    int next = -1;   // kBytes: after the byte; kCall: where the rule returns to; kSplit: first way; kDistinct: the way
    int other = -1;  // kBytes: index into byte_sets; kCall: rule; kSplit: second way
  };
  std::vector<State> states;
  std::vector<ByteSet> byte_sets;
  std::vector<int> rule_start;  // [rules]
  std::vector<bool> nullable;   // [rules]: allows the empty text
  std::vector<int> rank;        // [rules]: all different; higher than those of the rules it may call before any byte
  int root = 0;
  bool has_distinct = false;  // a state of kDistinct
  /// Bytes that no byte set tells apart are one class: a grammar has some dozens of them, not 256.
  std::array<std::uint8_t, 256> class_of_byte{};
  int classes = 1;

  /// Time and memory are bounded by the grammar's length and `limits`.
  /// Errors: `kInvalidArgument`: an undefined rule, left recursion (names the rule), more states than
  /// `limits.grammar_states_max` or work in proportion, or a root that allows no text at all.
  [[nodiscard]] static Result<Automaton> compile(const Rules& rules, const Limits& limits);
};

}  // namespace mnema::grammar
