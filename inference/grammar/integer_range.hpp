// inference/grammar/integer_range.hpp
//
// The decimal integers of a range, as an expression over digits: what `minimum` and `maximum` of a schema become.
#pragma once

#include <cstdint>
#include <optional>

#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

/// Integers first..last in their shortest form, negative ones with a minus. An absent bound is open (up to 17 digits).
/// Precondition: first ≤ last where both are given.
[[nodiscard]] Expression integer_range(std::optional<std::int64_t> first, std::optional<std::int64_t> last);

}  // namespace mnema::grammar
