#include "runtime/base/decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

constexpr std::int64_t kExponentMax = 100'000;
constexpr std::int64_t kPlainMax = 40;
constexpr std::size_t kDivisorDigitsMax = 18;

/// digits · 10^shift mod `divisor`, both decimal texts; long division by digits. The divisor has at most 18 digits.
std::uint64_t remainder(const std::string& digits, std::int64_t shift, std::uint64_t divisor) {
  std::uint64_t rest = 0;
  for (const char digit : digits) rest = (rest * 10 + static_cast<std::uint64_t>(digit - '0')) % divisor;
  for (std::int64_t i = 0; i < shift && rest != 0; ++i) rest = rest * 10 % divisor;
  return rest;
}

}  // namespace

bool is_number(const boost::json::value& value) { return value.is_number() || exact_integer(value).has_value(); }

Decimal::Decimal(std::int64_t value) : negative_(value < 0), digits_(std::to_string(value)) {
  if (negative_) digits_.erase(0, 1);
  normalise();
}

void Decimal::normalise() {
  const std::size_t last = digits_.find_last_not_of('0');
  if (last == std::string::npos) {
    digits_.clear();
    exponent_ = 0;
    negative_ = false;
    return;
  }
  exponent_ += static_cast<std::int64_t>(digits_.size() - last - 1);
  digits_.resize(last + 1);
  digits_.erase(0, digits_.find_first_not_of('0'));
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Decimal made;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') made.negative_ = true, ++at;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return text.substr(begin, at - begin);
  };
  const std::string_view whole = digits();
  if (whole.empty()) return std::nullopt;
  made.digits_ = whole;
  if (at < text.size() && text[at] == '.') {
    ++at;
    const std::string_view fraction = digits();
    if (fraction.empty()) return std::nullopt;
    made.digits_ += fraction;
    made.exponent_ = -static_cast<std::int64_t>(fraction.size());
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool negative = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    std::int64_t exponent = 0;
    const std::string_view power = digits();
    if (power.empty()) return std::nullopt;
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc() || exponent > kExponentMax) return std::nullopt;
    made.exponent_ += negative ? -exponent : exponent;
  }
  if (at != text.size()) return std::nullopt;
  made.normalise();
  return made;
}

std::optional<Decimal> Decimal::of(const boost::json::value& value) {
  if (const auto digits = exact_integer(value)) return parse(*digits);
  if (value.is_int64()) return Decimal(value.get_int64());
  char text[64];
  std::to_chars_result end{text, std::errc()};
  if (value.is_uint64()) {
    end = std::to_chars(text, text + sizeof text, value.get_uint64());
  } else if (value.is_double() && std::isfinite(value.get_double())) {
    end = std::to_chars(text, text + sizeof text, value.get_double());
  } else {
    return std::nullopt;
  }
  return parse(std::string_view(text, static_cast<std::size_t>(end.ptr - text)));
}

Decimal Decimal::negated() const {
  Decimal other = *this;
  other.negative_ = !is_zero() && !negative_;
  return other;
}

std::int64_t Decimal::places() const {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(digits_.size()) + exponent_);
}

std::string Decimal::whole_digits() const {
  const std::int64_t whole = static_cast<std::int64_t>(digits_.size()) + exponent_;
  if (whole <= 0) return "0";
  if (exponent_ >= 0) return digits_ + std::string(static_cast<std::size_t>(exponent_), '0');
  return digits_.substr(0, static_cast<std::size_t>(whole));
}

std::string Decimal::fraction_digits() const {
  if (exponent_ >= 0) return "";
  const std::int64_t whole = static_cast<std::int64_t>(digits_.size()) + exponent_;
  if (whole >= 0) return digits_.substr(static_cast<std::size_t>(whole));
  return std::string(static_cast<std::size_t>(-whole), '0') + digits_;
}

std::string Decimal::text() const {
  std::string out = negative_ ? "-" : "";
  const std::int64_t whole = static_cast<std::int64_t>(digits_.size()) + exponent_;
  if (whole > kPlainMax || exponent_ < -kPlainMax) {
    out += digits_.substr(0, 1);
    if (digits_.size() > 1) out += '.' + digits_.substr(1);
    return out + 'e' + std::to_string(whole - 1);
  }
  out += whole_digits();
  const std::string fraction = fraction_digits();
  return fraction.empty() ? out : out + '.' + fraction;
}

int Decimal::compare(const Decimal& other) const {
  if (negative_ != other.negative_) return negative_ ? -1 : 1;
  const int sign = negative_ ? -1 : 1;
  if (is_zero() || other.is_zero()) return is_zero() == other.is_zero() ? 0 : is_zero() ? -1 : 1;
  const std::int64_t whole = static_cast<std::int64_t>(digits_.size()) + exponent_;
  const std::int64_t others = static_cast<std::int64_t>(other.digits_.size()) + other.exponent_;
  if (whole != others) return whole < others ? -sign : sign;
  const int order = digits_.compare(other.digits_);
  return order == 0 ? 0 : order < 0 ? -sign : sign;
}

bool Decimal::is_multiple_of(const Decimal& of) const {
  if (is_zero()) return true;
  if (of.is_zero()) return false;
  const std::int64_t shift = exponent_ - of.exponent_;
  if (shift < 0) return false;  // a multiple would end in a zero, and trailing zeros are not among the digits
  std::uint64_t divisor = 0;
  if (of.digits_.size() > kDivisorDigitsMax) return compare(of) == 0 || compare(of.negated()) == 0;
  std::from_chars(of.digits_.data(), of.digits_.data() + of.digits_.size(), divisor);
  return remainder(digits_, shift, divisor) == 0;
}

}  // namespace mnema
