#include "inference/grammar/integer_range.hpp"

#include <algorithm>
#include <string>

namespace mnema::grammar {
namespace {

constexpr std::uint64_t kOpenEnd = 99'999'999'999'999'999ULL;  // 17 digits

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

Expression magnitudes(std::uint64_t low, std::uint64_t high) {
  std::vector<Expression> choices;
  while (low <= high) {
    const std::string text = std::to_string(low);
    std::uint64_t longest = std::stoull(std::string(text.size(), '9'));
    choices.push_back(same_length(text, std::to_string(std::min(longest, high))));
    if (longest >= high) break;
    low = longest + 1;
  }
  return alternatives(std::move(choices));
}

}  // namespace

Expression integer_range(std::optional<std::int64_t> first, std::optional<std::int64_t> last) {
  std::vector<Expression> choices;
  const auto magnitude = [](std::int64_t value) {
    return value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  };
  if (!last || *last >= 0) {
    const std::uint64_t low = first && *first > 0 ? magnitude(*first) : 0;
    choices.push_back(magnitudes(low, last ? magnitude(*last) : std::max(low, kOpenEnd)));
  }
  if (!first || *first < 0) {
    const std::uint64_t low = last && *last < 0 ? magnitude(*last) : 1;
    choices.push_back(sequence({literal("-"), magnitudes(low, first ? magnitude(*first) : std::max(low, kOpenEnd))}));
  }
  return alternatives(std::move(choices));
}

}  // namespace mnema::grammar
