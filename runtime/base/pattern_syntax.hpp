// runtime/base/pattern_syntax.hpp
//
// The syntax tree of a regular expression of JSON Schema (ECMA-262 with the flag u). One parser for whoever reads a
// pattern: the validator runs the tree by PCRE2 (pattern.hpp), a grammar turns it into an automaton, so that \s, \w,
// `.` and the anchors mean the same everywhere.
//
// More lenient than the flag u in three things that real schemas do: `\-` and its like stand for the character itself,
// a lone `{`, `}` or `]` for itself, and `(?i)` at the beginning ignores the case of ASCII letters.
//
// https://tc39.es/ecma262/#sec-patterns
//
// Threads: pure function; the tree is an immutable value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/code_points.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct PatternNode {
  enum class Kind {
    kCharacters,     // one of `characters`
    kSequence,       // children one after the other
    kAlternatives,   // one of the children
    kRepeat,         // the child, repeat_min to repeat_max times
    kGroup,          // the child, remembered as group `group`
    kBackReference,  // what group `group` matched
    kBegin,          // ^
    kEnd,            // $
    kWordBoundary,   // \b, or \B if `negated`
    kLookahead,      // the child follows here; does not if `negated`
    kLookbehind,     // the child ends here; does not if `negated`
  } kind = Kind::kSequence;
  CodePointRanges characters;
  std::vector<PatternNode> children;
  int repeat_min = 0;
  int repeat_max = -1;  // -1 = unbounded
  bool lazy = false;
  bool negated = false;
  int group = 0;  // from 1
};

/// The characters of \w.
[[nodiscard]] const CodePointRanges& word_characters();

/// Errors: `kInvalidArgument`, with the place in the pattern. Nesting and repetitions are bounded.
[[nodiscard]] Result<PatternNode> parse_pattern(std::string_view pattern);

}  // namespace mnema
