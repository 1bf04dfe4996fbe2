// runtime/base/decimal.hpp
//
// A decimal number of any length, exactly: what the numbers of JSON are. Bounds and multiples of schemas are compared
// with it, so that 0.3 is a multiple of 0.1 and no digit of a long integer is lost.
//
// Threads: plain values.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mnema {

/// Whether a JSON value is a number, also one whose digits 64 bits do not hold (`exact_integer` of json.hpp).
[[nodiscard]] bool is_number(const boost::json::value& value);

class Decimal {
 public:
  Decimal() = default;
  Decimal(std::int64_t value);
  /// A number as JSON writes it. nullopt: no number, or an exponent beyond ±100,000.
  [[nodiscard]] static std::optional<Decimal> parse(std::string_view text);
  /// The shortest decimal that reads back as this number; all digits of an exact integer. nullopt: no number, or not a
  /// finite one.
  [[nodiscard]] static std::optional<Decimal> of(const boost::json::value& value);

  [[nodiscard]] bool is_zero() const { return digits_.empty(); }
  [[nodiscard]] bool is_negative() const { return negative_; }
  [[nodiscard]] bool is_integer() const { return exponent_ >= 0; }
  [[nodiscard]] Decimal negated() const;
  /// The digits without sign and without zeros at either end, and the power of ten of the last one: value = ±digits ·
  /// 10^exponent. Zero has no digits and exponent 0.
  [[nodiscard]] const std::string& digits() const { return digits_; }
  [[nodiscard]] std::int64_t exponent() const { return exponent_; }
  /// Of the absolute value: the digits before the point ("0" if none) and behind it ("" if none).
  [[nodiscard]] std::string whole_digits() const;
  [[nodiscard]] std::string fraction_digits() const;
  /// How many digits it has before the point; 1 for what is below 1.
  [[nodiscard]] std::int64_t places() const;
  /// As JSON: "-12.5"; with an exponent where it would have more than 40 digits.
  [[nodiscard]] std::string text() const;
  /// Whether this is a whole multiple of `of`. Precondition: of is above 0.
  [[nodiscard]] bool is_multiple_of(const Decimal& of) const;
  /// -1, 0 or 1.
  [[nodiscard]] int compare(const Decimal& other) const;
  bool operator==(const Decimal& other) const { return compare(other) == 0; }
  bool operator<(const Decimal& other) const { return compare(other) < 0; }

 private:
  void normalise();
  bool negative_ = false;
  std::string digits_;
  std::int64_t exponent_ = 0;
};

}  // namespace mnema
