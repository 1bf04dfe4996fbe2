// inference/grammar/number_range.hpp
//
// The JSON numbers between two whole bounds, fractions included, written without an exponent.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

struct NumberBound {
  std::int64_t value;     // at most 2⁵³ from zero
  bool excluded = false;  // the bound itself is no number of the range
};

/// Null where there is none. A fraction has up to 17 digits after its leading zeros; what is whole is not written with
/// one at the bound that lies away from zero.
[[nodiscard]] Expression number_range(std::optional<NumberBound> low, std::optional<NumberBound> high, bool integral);

}  // namespace mnema::grammar
