// inference/grammar/integer_range.hpp
//
// The decimal integers of a range, as an expression over digits: what `minimum` and `maximum` of a schema become. The
// bounds are digit strings, so that none is too large.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "inference/grammar/expression.hpp"

namespace mnema::grammar {

/// A number of more digits is not written where a range is open.
inline constexpr int kIntegerDigitsMax = 64;

/// Integers low..high from 0 in their shortest form; nullopt: open. Digit strings without leading zeros ("0" is zero).
[[nodiscard]] Expression digit_range(const std::string& low, const std::optional<std::string>& high);

/// Of digit strings: less than 0, 0 or more than 0.
[[nodiscard]] int compare_digits(const std::string& a, const std::string& b);
[[nodiscard]] std::string digits_plus_one(std::string digits);
/// Precondition: above zero.
[[nodiscard]] std::string digits_minus_one(std::string digits);

}  // namespace mnema::grammar
