// inference/chat/jinja_numbers.hpp
//
// Numbers as Python has them: integers of any size (64 bits first, then jinja_big_integer.hpp), floats that print as
// the shortest text that reads back the same, comparison without rounding, division towards minus infinity.
//
// Source: https://docs.python.org/3/reference/expressions.html and the built-in types of Python's library reference.
//
// Threads: pure over their arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "inference/chat/jinja_value.hpp"

namespace mnema::jinja {

enum class Order { kLess, kEqual, kGreater, kNone };  // kNone: one is no number (nan)

/// Bits of the largest integer that a template may make. Python prints 4300 digits at most, which is 14,285 bits.
inline constexpr unsigned kIntegerBitsMax = 16'384;

/// Of integers, floats and booleans.
[[nodiscard]] Order compare_numbers(const Value& a, const Value& b);
/// `a op b`: + - * / // % **. Fails as Python does: division by zero, results that are complex or too large.
[[nodiscard]] Value calculate(Rendering& rendering, std::string_view op, const Value& a, const Value& b);
[[nodiscard]] Value negated(Rendering& rendering, const Value& value);

[[nodiscard]] Value unsigned_integer(std::uint64_t value);
/// Of a float, as Python's int() cuts it. Precondition: finite.
[[nodiscard]] Value to_integer(double value);
/// Decimal digits, with a sign.
[[nodiscard]] std::string integer_text(const Value& value);
/// Python's repr() of a float.
[[nodiscard]] std::string float_text(double value);
/// Python's int(text, base): blanks around, a sign, underscores between digits, 0x and its like where base allows it.
[[nodiscard]] std::optional<Value> parse_integer(std::string_view text, int base = 10);
/// Python's float(text).
[[nodiscard]] std::optional<double> parse_float(std::string_view text);
/// Python's round(value, digits): half to even. `digits` absent: to an integer.
[[nodiscard]] Value rounded(Rendering& rendering, const Value& value, std::optional<std::int64_t> digits);

}  // namespace mnema::jinja
