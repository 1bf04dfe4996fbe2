// inference/grammar/expression.hpp
//
// The text a constraint allows, as an expression tree: what GBNF, JSON Schema and choices are turned into, and what
// the automaton is compiled from. Characters are Unicode code points here; the automaton works on bytes.
//
// Threads: immutable values; nodes are shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mnema::grammar {

/// Inclusive range of code points.
struct CodePointRange {
  std::uint32_t first;
  std::uint32_t last;
};
inline constexpr std::uint32_t kCodePointMax = 0x10FFFF;

struct Node;
using Expression = std::shared_ptr<const Node>;

struct Node {
  enum class Kind { kLiteral, kCharacters, kSequence, kAlternatives, kRepeat, kRule } kind;
  std::string literal;                     // kLiteral: bytes
  std::vector<CodePointRange> characters;  // kCharacters: one character of these
  std::vector<Expression> children;        // kSequence, kAlternatives; kRepeat: one
  int repeat_min = 0;                      // kRepeat
  int repeat_max = -1;                     // kRepeat; -1 = unbounded
  int rule = -1;                           // kRule: index into Rules
};

/// Named rules of one grammar; expressions name them by index, so that they may be recursive.
struct Rules {
  struct Rule {
    std::string name;
    Expression body;  // null while only referred to
  };
  std::vector<Rule> rules;
  int root = 0;

  /// The index of a new rule whose body comes later.
  int declare(std::string name);
};

[[nodiscard]] Expression literal(std::string_view bytes);
[[nodiscard]] Expression characters(std::vector<CodePointRange> ranges);
/// All code points that are in none of `ranges` (surrogates left out).
[[nodiscard]] Expression characters_except(std::vector<CodePointRange> ranges);
[[nodiscard]] Expression sequence(std::vector<Expression> parts);
[[nodiscard]] Expression alternatives(std::vector<Expression> choices);
[[nodiscard]] Expression repeat(Expression body, int min, int max);
[[nodiscard]] Expression optional(Expression body);
[[nodiscard]] Expression reference(int rule);

/// Sorted, merged, and without what lies in `excluded`.
[[nodiscard]] std::vector<CodePointRange> subtract(std::vector<CodePointRange> ranges,
                                                   std::vector<CodePointRange> excluded);
[[nodiscard]] std::vector<CodePointRange> normalised(std::vector<CodePointRange> ranges);

}  // namespace mnema::grammar
