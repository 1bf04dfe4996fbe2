// inference/grammar/gbnf.hpp
//
// Reads a grammar in GBNF, the notation of llama.cpp's grammars/README.md:
//
//   root  ::= "yes" | "no" | list            rules; `root` is where it begins; # begins a comment
//   list  ::= "[" item ("," item)* "]"       literals, groups, * + ? {m} {m,} {m,n}
//   item  ::= [a-zA-Z0-9_.-]+ | [^\x00-\x1F] character classes, ranges, negation; . is any character
//
// Escapes: \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH.
#pragma once

#include <string_view>

#include "inference/grammar/expression.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// Errors: `kInvalidArgument` with line and column.
[[nodiscard]] Result<Rules> parse_gbnf(std::string_view text);
/// Adds the grammar to rules that exist already, whose names it neither sees nor hides; returns its `root`.
[[nodiscard]] Result<int> parse_gbnf(std::string_view text, Rules& rules);

}  // namespace mnema::grammar
