// inference/grammar/regex.hpp
//
// The regular expressions of JSON Schema's `pattern` (the ECMA-262 subset that describes a regular language), as an
// expression over the characters inside a JSON string. Not anchored, as the specification says: without ^ or $
// anything may stand before or behind. Look-around, back-references and word boundaries are refused.
#pragma once

#include <string_view>

#include "inference/grammar/json_grammar.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// Errors: `kUnsupported` or `kInvalidArgument`, naming the construct and its place in the pattern.
[[nodiscard]] Result<Expression> expression_of_pattern(std::string_view pattern, JsonGrammar& json);

/// The same language over characters as they are, for a text that the pattern matches from its beginning to its end:
/// ^ and $ may be left out. Errors: the same.
[[nodiscard]] Result<Expression> expression_of_regex(std::string_view pattern);

}  // namespace mnema::grammar
