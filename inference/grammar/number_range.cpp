#include "inference/grammar/number_range.hpp"

#include <algorithm>

#include "inference/grammar/integer_range.hpp"

namespace mnema::grammar {
namespace {

constexpr int kFractionDigitsMax = 30;
constexpr int kZerosMax = 8;  // behind the point of a whole number

Expression digits(int min, int max) { return repeat(characters({{'0', '9'}}), min, max); }
Expression digit(char first, char last) {
  return characters({{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)}});
}
Expression zeros_behind_point() { return optional(sequence({literal("."), repeat(literal("0"), 1, kZerosMax)})); }

/// Digits behind the point that a fraction is compared with.
struct FractionBound {
  std::string digits;
  bool excluded = false;
};
using OptionalBound = std::optional<FractionBound>;

/// Digit strings d with low ≤ 0.d ≤ high; absent bounds are open.
Expression fraction_digits(const OptionalBound& low, const OptionalBound& high, bool may_be_empty) {
  if (low && low->digits.empty() && !low->excluded) return fraction_digits(std::nullopt, high, may_be_empty);
  if (high && high->digits.empty()) {
    if (high->excluded || low) return never();
    return repeat(literal("0"), may_be_empty ? 0 : 1, kZerosMax);
  }
  if (!low && !high) return digits(may_be_empty ? 0 : 1, kFractionDigitsMax);
  if (!high && low->digits.empty())
    return sequence({repeat(literal("0"), 0, kFractionDigitsMax), digit('1', '9'), digits(0, kFractionDigitsMax)});
  const auto rest_of = [](const FractionBound& bound) {
    return FractionBound{bound.digits.empty() ? "" : bound.digits.substr(1), bound.excluded};
  };
  const char from = low && !low->digits.empty() ? low->digits[0] : '0';
  const char to = high ? high->digits[0] : '9';
  std::vector<Expression> choices;
  if (may_be_empty && !low) choices.push_back(literal(""));
  if (from > to) return alternatives(std::move(choices));
  const auto begin_with = [&](char c, const OptionalBound& rest_low, const OptionalBound& rest_high) {
    choices.push_back(sequence({literal(std::string(1, c)), fraction_digits(rest_low, rest_high, true)}));
  };
  if (low && high && from == to) {
    begin_with(from, rest_of(*low), rest_of(*high));
    return alternatives(std::move(choices));
  }
  char free_first = from, free_last = to;
  if (low) {
    begin_with(from, rest_of(*low), std::nullopt);
    ++free_first;
  }
  if (high) {
    begin_with(to, std::nullopt, rest_of(*high));
    --free_last;
  }
  if (free_first <= free_last)
    choices.push_back(sequence({digit(free_first, free_last), digits(0, kFractionDigitsMax)}));
  return alternatives(std::move(choices));
}

/// What may follow the whole part: nothing, or a point and digits.
Expression fraction(const OptionalBound& low, const OptionalBound& high) {
  const bool zero_in =
      (!low || (low->digits.empty() && !low->excluded)) && (!high || !high->digits.empty() || !high->excluded);
  std::vector<Expression> choices;
  if (zero_in) choices.push_back(literal(""));
  choices.push_back(sequence({literal("."), fraction_digits(low, high, false)}));
  return alternatives(std::move(choices));
}

/// Numbers from `low` (0 or more) up to `high`.
Expression magnitudes(const NumberBound& low, const std::optional<NumberBound>& high, bool integral) {
  if (high && (high->value < low.value || (high->value == low.value && (high->excluded || low.excluded))))
    return never();
  const std::string low_whole = low.value.whole_digits();
  const FractionBound low_fraction{low.value.fraction_digits(), low.excluded};
  std::optional<std::string> high_whole;
  OptionalBound high_fraction;
  if (high) {
    high_whole = high->value.whole_digits();
    high_fraction = FractionBound{high->value.fraction_digits(), high->excluded};
  }
  const bool low_is_whole = low_fraction.digits.empty() && !low.excluded;
  if (integral) {
    if (high && high_fraction->digits.empty() && high->excluded) {
      if (*high_whole == "0") return never();
      high_whole = digits_minus_one(*high_whole);
    }
    const Expression whole = digit_range(low_is_whole ? low_whole : digits_plus_one(low_whole), high_whole);
    return is_never(whole) ? whole : sequence({whole, zeros_behind_point()});
  }
  if (high && low_whole == *high_whole) return sequence({literal(low_whole), fraction(low_fraction, high_fraction)});
  std::vector<Expression> choices;
  if (!low_is_whole) choices.push_back(sequence({literal(low_whole), fraction(low_fraction, std::nullopt)}));
  if (high) choices.push_back(sequence({literal(*high_whole), fraction(std::nullopt, high_fraction)}));
  // Whole parts whose fraction is free.
  const std::string first = low_is_whole ? low_whole : digits_plus_one(low_whole);
  if (!high || compare_digits(first, *high_whole) < 0) {
    const std::optional<std::string> last = high ? std::optional(digits_minus_one(*high_whole)) : std::nullopt;
    choices.push_back(sequence({digit_range(first, last), fraction(std::nullopt, std::nullopt)}));
  }
  return alternatives(std::move(choices));
}

Expression exponent() {
  return optional(sequence({characters({{'e', 'e'}, {'E', 'E'}}), optional(characters({{'+', '+'}, {'-', '-'}})),
                            alternatives({digits(1, 2), sequence({digit('1', '2'), digits(2, 2)})})}));
}

/// Above zero, or from zero, with exponents.
Expression from_zero(bool excluded) {
  const Expression more = digits(0, kIntegerDigitsMax - 1);
  const Expression whole = sequence({digit('1', '9'), more, fraction(std::nullopt, std::nullopt)});
  const Expression below_one = sequence(
      {literal("0"), fraction(excluded ? OptionalBound(FractionBound{"", true}) : std::nullopt, std::nullopt)});
  return sequence({alternatives({whole, below_one}), exponent()});
}

}  // namespace

Expression number_range(const NumberRange& range) {
  const auto& [low, high, integral, plain] = range;
  if (!integral && !plain && (!low || low->value.is_zero()) && (!high || high->value.is_zero()) && !(low && high)) {
    if (!low && !high) return sequence({optional(literal("-")), from_zero(false)});
    if (low) return from_zero(low->excluded);
    std::vector<Expression> choices{sequence({literal("-"), from_zero(true)})};
    if (!high->excluded) choices.push_back(magnitudes({Decimal()}, NumberBound{Decimal()}, false));
    return alternatives(std::move(choices));
  }
  std::vector<Expression> choices;
  if (!high || !high->value.is_negative()) {
    const bool from_low = low && !low->value.is_negative();
    choices.push_back(magnitudes(from_low ? *low : NumberBound{Decimal()}, high, integral));
  }
  if (!low || low->value.is_negative()) {
    const bool from_high = high && (high->value.is_negative() || high->value.is_zero());
    const NumberBound nearest = from_high && !high->value.is_zero() ? NumberBound{high->value.negated(), high->excluded}
                                                                    : NumberBound{Decimal(), true};
    std::optional<NumberBound> farthest;
    if (low) farthest = NumberBound{low->value.negated(), low->excluded};
    const Expression magnitude = magnitudes(nearest, farthest, integral);
    if (!is_never(magnitude)) choices.push_back(sequence({literal("-"), magnitude}));
    if (!low && !high && integral) choices.push_back(literal("-0"));
  }
  return alternatives(std::move(choices));
}

Expression plain_forms(const Decimal& number) {
  const std::string fraction = number.fraction_digits();
  const Expression zeros = repeat(literal("0"), fraction.empty() ? 1 : 0, 2 * kFractionDigitsMax + 2);
  const Expression tail =
      fraction.empty() ? optional(sequence({literal("."), zeros})) : sequence({literal("." + fraction), zeros});
  const Expression sign = number.is_zero() ? optional(literal("-")) : literal(number.is_negative() ? "-" : "");
  return sequence({sign, literal(number.whole_digits()), tail});
}

}  // namespace mnema::grammar
