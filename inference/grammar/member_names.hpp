// inference/grammar/member_names.hpp
//
// The names that members of an open object may have beside those that its schema lists.
//
// Threads: pure functions.
#pragma once

#include <set>
#include <string>

#include "inference/grammar/expression.hpp"
#include "inference/grammar/json_grammar.hpp"

namespace mnema::grammar {

/// A string that is none of `names`, written without escapes. Names are taken apart one character inside the other:
/// what they are made of bounds the depth.
[[nodiscard]] Expression any_name_but(const std::set<std::string>& names, JsonGrammar& grammar);

}  // namespace mnema::grammar
