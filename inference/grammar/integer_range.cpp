#include "inference/grammar/integer_range.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

Expression digit(char first, char last) {
  return characters({{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)}});
}

/// Numbers of equal length between two digit strings.
Expression same_length(const std::string& low, const std::string& high) {
  if (low.empty()) return literal("");
  if (low == high) return literal(low);
  const std::string low_rest = low.substr(1);
  const std::string high_rest = high.substr(1);
  if (low[0] == high[0]) return sequence({literal(low.substr(0, 1)), same_length(low_rest, high_rest)});
  const std::string nines(low_rest.size(), '9');
  const std::string zeros(low_rest.size(), '0');
  // Leading digits whose rest is free go together; the first and the last may be bound by low and high.
  const char free_first = low_rest == zeros ? low[0] : static_cast<char>(low[0] + 1);
  const char free_last = high_rest == nines ? high[0] : static_cast<char>(high[0] - 1);
  std::vector<Expression> choices;
  if (free_first <= free_last) {
    const int rest = static_cast<int>(low_rest.size());
    choices.push_back(sequence({digit(free_first, free_last), repeat(digit('0', '9'), rest, rest)}));
  }
  if (free_first != low[0]) choices.push_back(sequence({literal(low.substr(0, 1)), same_length(low_rest, nines)}));
  if (free_last != high[0]) choices.push_back(sequence({literal(high.substr(0, 1)), same_length(zeros, high_rest)}));
  return alternatives(std::move(choices));
}

}  // namespace

int compare_digits(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

std::string digits_plus_one(std::string digits) {
  for (auto at = digits.rbegin(); at != digits.rend(); ++at) {
    if (*at != '9') return ++*at, digits;
    *at = '0';
  }
  return '1' + digits;
}

std::string digits_minus_one(std::string digits) {
  for (auto at = digits.rbegin(); at != digits.rend(); ++at) {
    if (*at != '0') {
      --*at;
      break;
    }
    *at = '9';
  }
  return digits.size() > 1 && digits[0] == '0' ? digits.substr(1) : digits;
}

Expression digit_range(const std::string& low, const std::optional<std::string>& high) {
  if (high && compare_digits(*high, low) < 0) return never();
  std::vector<Expression> choices;
  std::string from = low;
  // Zero is a length of its own: no other number begins with it.
  for (;;) {
    const bool last = high && high->size() == from.size();
    choices.push_back(same_length(from, last ? *high : std::string(from.size(), '9')));
    if (last) break;
    const int more = static_cast<int>(from.size());
    if (!high) {
      const int most = std::max(kIntegerDigitsMax - 1, more);
      choices.push_back(sequence({digit('1', '9'), repeat(digit('0', '9'), more, most)}));
      break;
    }
    from = '1' + std::string(from.size(), '0');
  }
  return alternatives(std::move(choices));
}

}  // namespace mnema::grammar
