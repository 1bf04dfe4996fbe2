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

#include "runtime/base/code_points.hpp"

namespace mnema::grammar {

struct Node;
using Expression = std::shared_ptr<const Node>;

struct Node {
  /// kDistinct reads nothing: it stands behind the bracket that opens an array whose items, or an object whose names,
  /// must differ. No automaton can tell; who runs it remembers what stood before (distinct_elements.hpp).
  enum class Kind { kLiteral, kCharacters, kSequence, kAlternatives, kRepeat, kRule, kStates, kDistinct } kind;
  std::string literal;                     // kLiteral: bytes
  std::vector<CodePointRange> characters;  // kCharacters: one character of these
  std::vector<Expression> children;        // kSequence, kAlternatives; kRepeat: one
  int repeat_min = 0;                      // kRepeat
  int repeat_max = -1;                     // kRepeat; -1 = unbounded
  int rule = -1;                           // kRule: index into Rules
  /// kStates: a regular language as an automaton whose edges are expressions; it begins at state 0.
  struct Edge {
    Expression on;
    int to;
  };
  struct State {
    std::vector<Edge> edges;
    bool accepting = false;
  };
  std::vector<State> states;
};

/// Named rules of one grammar; expressions name them by index, so that they may be recursive.
struct Rules {
  struct Rule {
    std::string name;
    Expression body;  // null while only referred to
  };
  std::vector<Rule> rules;
  int root = 0;
  /// Where the grammar is not what its source says word by word, for a log ("format 'path' is an annotation, at ...").
  std::vector<std::string> notes;

  /// The index of a new rule whose body comes later.
  int declare(std::string name);
  /// Adds to `notes`, each once and not without end.
  void note(std::string text);
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
[[nodiscard]] Expression states(std::vector<Node::State> states);
/// Directly behind `[`: the items of this array differ; behind `{`: the names of this object do.
[[nodiscard]] Expression distinct();
/// Matches no text.
[[nodiscard]] Expression never();
/// Whether it is written as matching no text: `never`, or a sequence with such a part.
[[nodiscard]] bool is_never(const Expression& expression);

}  // namespace mnema::grammar
