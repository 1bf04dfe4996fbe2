#include "inference/grammar/number_range.hpp"

#include <algorithm>

#include "inference/grammar/integer_range.hpp"

namespace mnema::grammar {
namespace {

constexpr int kFractionDigitsMax = 17;  // a double holds no more

Expression digits(int min, int max) { return repeat(characters({{'0', '9'}}), min, max); }

Expression any_fraction() { return sequence({literal("."), digits(1, kFractionDigitsMax)}); }

Expression fraction_above_zero() {
  return sequence({literal("."), repeat(literal("0"), 0, kFractionDigitsMax - 1), characters({{'1', '9'}}),
                   digits(0, kFractionDigitsMax - 1)});
}

/// Numbers with a fraction, from `first` (where a zero fraction may be excluded) up to `last` + 1, both from 0.
void add_fractions(std::int64_t first, bool first_excluded, std::optional<std::int64_t> last, const char* sign,
                   std::vector<Expression>& choices) {
  if (last && *last < first) return;
  if (first_excluded) {
    choices.push_back(sequence({literal(sign), literal(std::to_string(first)), fraction_above_zero()}));
    ++first;
  }
  if (!last || *last >= first) choices.push_back(sequence({literal(sign), integer_range(first, last), any_fraction()}));
}

}  // namespace

Expression number_range(std::optional<NumberBound> low, std::optional<NumberBound> high, bool integral) {
  std::optional<std::int64_t> first, last;  // of the whole numbers
  if (low) first = low->value + (low->excluded ? 1 : 0);
  if (high) last = high->value - (high->excluded ? 1 : 0);
  std::vector<Expression> choices;
  if (!first || !last || *first <= *last) choices.push_back(integer_range(first, last));
  if (!integral) {
    const bool from_low = low && low->value >= 0, from_high = high && high->value <= 0;
    add_fractions(from_low ? low->value : 0, from_low && low->excluded,
                  high ? std::optional(high->value - 1) : std::nullopt, "", choices);
    if (!from_low) {
      add_fractions(from_high ? -high->value : 0, from_high && high->excluded,
                    low ? std::optional(-low->value - 1) : std::nullopt, "-", choices);
    }
  }
  return choices.empty() ? nullptr : alternatives(std::move(choices));
}

}  // namespace mnema::grammar
