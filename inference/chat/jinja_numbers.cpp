#include "inference/chat/jinja_numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "inference/chat/jinja_big_integer.hpp"
#include "inference/chat/jinja_rendering.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

namespace multiprecision = boost::multiprecision;

Order order_of(auto a, auto b) { return a < b ? Order::kLess : a > b ? Order::kGreater : Order::kEqual; }

Order reversed(Order order) {
  return order == Order::kLess ? Order::kGreater : order == Order::kGreater ? Order::kLess : order;
}

/// An integer beside a float, without rounding either.
Order compare_with_float(const Value& whole, double real) {
  if (std::isnan(real)) return Order::kNone;
  if (std::isinf(real)) return real > 0 ? Order::kLess : Order::kGreater;
  const double cut = std::trunc(real);
  const Order order = order_of(to_whole(whole), Whole(cut));
  return order == Order::kEqual ? order_of(cut, real) : order;
}

Value checked(Rendering& r, const Whole& value) {
  const Whole size = multiprecision::abs(value);
  if (size != 0 && multiprecision::msb(size) >= kIntegerBitsMax) return r.exhaust("an integer has too many digits");
  return integer_value(value);
}

Value power(Rendering& r, const Value& a, const Value& b) {
  const std::optional<std::int64_t> exponent = b.index();
  if (!exponent) return r.exhaust("an integer has too many digits");
  if (*exponent < 0) {
    if (!a.truth()) return r.fail("0.0 cannot be raised to a negative power");
    return std::pow(a.number(), static_cast<double>(*exponent));
  }
  const Whole base = to_whole(a);
  const Whole size = multiprecision::abs(base);
  if (size <= 1) return checked(r, *exponent % 2 == 0 && base != 0 ? size : *exponent == 0 ? Whole(1) : base);
  if (*exponent > kIntegerBitsMax || multiprecision::msb(size) * static_cast<unsigned>(*exponent) > kIntegerBitsMax)
    return r.exhaust("an integer has too many digits");
  if (!r.step(64)) return {};
  return checked(r, multiprecision::pow(base, static_cast<unsigned>(*exponent)));
}

/// left / right, rounded once: of a quotient with more bits than a double has, and a bit for what is left over.
double quotient_of(const Whole& left, const Whole& right) {
  const Whole above = multiprecision::abs(left), below = multiprecision::abs(right);
  if (above == 0) return 0;
  const int shift =
      std::max(0, 66 - (static_cast<int>(multiprecision::msb(above)) - static_cast<int>(multiprecision::msb(below))));
  const Whole scaled = above << shift;
  Whole quotient = scaled / below;
  quotient = (quotient << 1) | (scaled % below != 0 ? 1 : 0);
  const double size = std::ldexp(to_double(quotient), -shift - 1);
  return (left < 0) != (right < 0) ? -size : size;
}

Value calculate_integers(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (op == "**") return power(r, a, b);
  const bool divides = op == "/" || op == "//" || op == "%";
  if (divides && !b.truth()) return r.fail("division by zero");
  const std::optional<std::int64_t> x = a.index(), y = b.index();
  if (x && y) {
    std::int64_t result = 0;
    if (op == "/") return static_cast<double>(static_cast<long double>(*x) / static_cast<long double>(*y));
    if (op == "+" && !__builtin_add_overflow(*x, *y, &result)) return result;
    if (op == "-" && !__builtin_sub_overflow(*x, *y, &result)) return result;
    if (op == "*" && !__builtin_mul_overflow(*x, *y, &result)) return result;
    if (op == "//" && *y != -1) return *x / *y - (*x % *y != 0 && (*x < 0) != (*y < 0) ? 1 : 0);
    if (op == "%" && *y != -1) return *x % *y + (*x % *y != 0 && (*x < 0) != (*y < 0) ? *y : 0);
  }
  const Whole left = to_whole(a), right = to_whole(b);
  const auto bits = [](const Whole& value) {
    return value == 0 ? 0U : multiprecision::msb(multiprecision::abs(value));
  };
  if (!r.step(4 + (bits(left) + bits(right)) / 128)) return {};
  if (op == "+") return checked(r, left + right);
  if (op == "-") return checked(r, left - right);
  if (op == "*") return checked(r, left * right);
  if (op == "/") {
    const double result = quotient_of(left, right);
    return std::isfinite(result) ? Value(result) : r.fail("integer division result too large for a float");
  }
  Whole quotient = left / right, rest = left % right;
  if (rest != 0 && (rest < 0) != (right < 0)) {
    quotient -= 1;
    rest += right;
  }
  return op == "//" ? checked(r, quotient) : checked(r, rest);
}

/// Python's float_divmod.
std::pair<double, double> floor_division(double x, double y) {
  double rest = std::fmod(x, y);
  double quotient = (x - rest) / y;
  if (rest != 0) {
    if ((y < 0) != (rest < 0)) {
      rest += y;
      quotient -= 1;
    }
  } else {
    rest = std::copysign(0.0, y);
  }
  if (quotient == 0) return {std::copysign(0.0, x / y), rest};
  const double floor = std::floor(quotient);
  return {quotient - floor > 0.5 ? floor + 1 : floor, rest};
}

std::string_view without_blanks(std::string_view text) { return stripped(text, std::nullopt, true, true); }

/// Digits with single underscores between them; nothing if they are not that.
std::optional<std::string> plain_digits(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_')
      digits += text[i];
    else if (i == 0 || i + 1 == text.size() || text[i - 1] == '_')
      return std::nullopt;
  }
  return digits;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

}  // namespace

Value integer_value(const Whole& value) {
  if (value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max())
    return static_cast<std::int64_t>(value);
  return Value(std::make_shared<const BigInteger>(BigInteger{value}));
}

Value unsigned_integer(std::uint64_t value) { return integer_value(Whole(value)); }

double to_double(const Whole& value) {
  // By its text, which is rounded once.
  const std::string digits = value.str();
  return std::strtod(digits.c_str(), nullptr);
}

Whole to_whole(const Value& value) {
  if (const BigInteger* big = value.big()) return big->value;
  return value.index().value_or(0);
}

Value to_integer(double value) {
  const double cut = std::trunc(value);
  if (std::fabs(cut) < 9e18) return static_cast<std::int64_t>(cut);
  return integer_value(Whole(cut));
}

Order compare_numbers(const Value& a, const Value& b) {
  if (a.real() != nullptr && b.real() != nullptr) {
    if (std::isnan(*a.real()) || std::isnan(*b.real())) return Order::kNone;
    return order_of(*a.real(), *b.real());
  }
  if (b.real() != nullptr) return compare_with_float(a, *b.real());
  if (a.real() != nullptr) return reversed(compare_with_float(b, *a.real()));
  if (a.index() && b.index()) return order_of(*a.index(), *b.index());
  return order_of(to_whole(a), to_whole(b));
}

Value calculate(Rendering& r, std::string_view op, const Value& a, const Value& b) {
  if (a.real() == nullptr && b.real() == nullptr) return calculate_integers(r, op, a, b);
  const double x = a.number(), y = b.number();
  if ((a.big() != nullptr && std::isinf(x)) || (b.big() != nullptr && std::isinf(y)))
    return r.fail("an integer is too large for a float");
  if (op == "+") return x + y;
  if (op == "-") return x - y;
  if (op == "*") return x * y;
  if (op == "**") {
    if (x == 0 && y < 0) return r.fail("0.0 cannot be raised to a negative power");
    const double result = std::pow(x, y);
    if (std::isnan(result) && !std::isnan(x) && !std::isnan(y)) return r.fail("the power is a complex number");
    if (std::isinf(result) && std::isfinite(x) && std::isfinite(y)) return r.fail("the power is too large for a float");
    return result;
  }
  if (y == 0) return r.fail("division by zero");
  if (op == "/") return x / y;
  const auto [quotient, rest] = floor_division(x, y);
  return op == "//" ? quotient : rest;
}

Value negated(Rendering& r, const Value& value) {
  if (const double* real = value.real()) return -*real;
  return calculate_integers(r, "-", 0, value);
}

std::string integer_text(const Value& value) {
  if (const BigInteger* big = value.big()) return big->value.str();
  return std::to_string(value.index().value_or(0));
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::optional<Value> parse_integer(std::string_view text, int base) {
  text = without_blanks(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  const char kind = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : ' ';
  const int named = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
  if (named != 0 && (base == 0 || base == named)) {
    text.remove_prefix(2);
    if (text.starts_with('_')) text.remove_prefix(1);
    base = named;
  } else if (base == 0) {
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return std::nullopt;
    base = 10;
  }
  const std::optional<std::string> digits = plain_digits(text);
  // Python reads 4300 digits at most.
  if (!digits || digits->empty() || digits->size() > 4300) return std::nullopt;
  if (std::any_of(digits->begin(), digits->end(), [&](char c) { return digit_of(c) >= base; })) return std::nullopt;
  std::int64_t small = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), small, base);
  if (error == std::errc() && end == digits->data() + digits->size()) return Value(negative ? -small : small);
  Whole big = 0;
  for (const char c : *digits) big = big * base + digit_of(c);
  return integer_value(negative ? Whole(-big) : big);
}

std::optional<double> parse_float(std::string_view text) {
  const std::optional<std::string> plain = plain_digits(without_blanks(text));
  if (!plain || plain->empty()) return std::nullopt;
  std::string lower = *plain;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  const std::string_view unsigned_part = std::string_view(lower).substr(lower[0] == '-' || lower[0] == '+' ? 1 : 0);
  const double sign = lower[0] == '-' ? -1 : 1;
  if (unsigned_part == "inf" || unsigned_part == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (unsigned_part == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (unsigned_part.empty() || unsigned_part.find_first_not_of("0123456789.e+-") != std::string_view::npos)
    return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  if (end != lower.c_str() + lower.size() || unsigned_part[0] == '+' || unsigned_part[0] == '-') return std::nullopt;
  return value;
}

Value rounded(Rendering& r, const Value& value, std::optional<std::int64_t> digits) {
  if (!value.is_numeric()) return r.fail("a " + std::string(value.type_name()) + " cannot be rounded");
  if (value.real() == nullptr) {
    if (!digits || *digits >= 0) return value.boolean() != nullptr ? Value(*value.index()) : value;
    if (*digits < -4300) return 0;
    const Value unit = power(r, 10, -*digits);
    if (r.stopped()) return {};
    const Whole by = to_whole(unit), whole = to_whole(value);
    Whole quotient = whole / by, rest = whole % by;
    if (rest < 0) {
      rest += by;
      quotient -= 1;
    }
    if (rest * 2 > by || (rest * 2 == by && quotient % 2 != 0)) quotient += 1;
    return integer_value(Whole(quotient * by));
  }
  const double real = *value.real();
  if (!digits) {
    if (!std::isfinite(real)) return r.fail("cannot convert " + float_text(real) + " to an integer");
    return to_integer(std::nearbyint(real));
  }
  if (!std::isfinite(real) || *digits > 323) return real;
  if (*digits < -308) return std::copysign(0.0, real);
  if (*digits >= 0) {  // by its exact decimal digits, as Python does it
    const std::string text = fmt::format("{:.{}f}", real, *digits);
    return std::strtod(text.c_str(), nullptr);
  }
  // Before the point: exactly, with what stands behind it to decide between two halves.
  const double size = std::fabs(real);
  const Value unit = power(r, 10, -*digits);
  const Whole by = to_whole(unit), whole = to_whole(to_integer(size));
  Whole quotient = whole / by;
  const Whole twice = whole % by * 2;
  if (twice > by || (twice == by && (size != std::trunc(size) || quotient % 2 != 0))) quotient += 1;
  const double result = std::copysign(to_double(quotient * by), real);
  return std::isinf(result) ? r.fail("rounded value too large to represent") : Value(result);
}

}  // namespace mnema::jinja
