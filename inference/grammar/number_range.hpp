// inference/grammar/number_range.hpp
//
// The JSON numbers between two decimal bounds. Between bounds other than zero they are written without an exponent.
//
// Threads: pure functions.
#pragma once

#include <optional>

#include "inference/grammar/expression.hpp"
#include "runtime/base/decimal.hpp"

namespace mnema::grammar {

struct NumberBound {
  Decimal value;
  bool excluded = false;  // the bound itself is no number of the range
};

struct NumberRange {
  std::optional<NumberBound> low, high;
  bool integral = false;
  bool plain = false;  // no exponent in any case
};

/// `never` where there is none. A fraction has up to 30 digits; a whole number may have some zeros behind its point.
[[nodiscard]] Expression number_range(const NumberRange& range);

/// All plain texts of this number: with any zeros behind, up to those that `number_range` writes.
[[nodiscard]] Expression plain_forms(const Decimal& number);

/// A bound of more digits is refused by whoever reads schemas.
inline constexpr std::int64_t kBoundDigitsMax = 64;

}  // namespace mnema::grammar
