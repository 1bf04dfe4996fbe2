#include "inference/grammar/number_multiples.hpp"

#include <algorithm>
#include <charconv>

namespace mnema::grammar {
namespace {

constexpr std::int64_t kStatesMax = 20'000;

}  // namespace

std::optional<CharacterAutomaton> multiples_of(const Decimal& of) {
  // value = n · divisor · 10^-scale: the digits up to `scale` places behind the point are a multiple of `divisor`.
  if (of.exponent() > 18 || of.digits().size() > 6) return std::nullopt;
  const std::string text =
      of.digits() + std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, of.exponent())), '0');
  std::int64_t divisor = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), divisor).ec != std::errc()) return std::nullopt;
  const std::int64_t scale = std::max<std::int64_t>(0, -of.exponent());
  if (scale > 40 || divisor > kStatesMax || divisor * (2 * scale + 2) + 8 > kStatesMax) return std::nullopt;

  std::vector<CodePointRanges> sets;
  for (std::uint32_t c = '0'; c <= '9'; ++c) sets.push_back({{c, c}});
  sets.push_back({{'.', '.'}});
  sets.push_back({{'-', '-'}});
  std::vector<std::vector<int>> members;
  CharacterAutomaton made;
  made.classes = partition(sets, members);
  const std::size_t width = made.classes.size();
  const auto class_of = [&](std::size_t set) { return static_cast<std::size_t>(members[set][0]); };

  // States: beginning, after the sign, whole digits by remainder, then for each place behind the point by remainder:
  // after the point (0 digits behind it), 1..scale digits; then zeros only.
  const auto whole = [&](std::int64_t rest) { return 2 + rest; };
  const auto behind = [&](std::int64_t place, std::int64_t rest) { return 2 + divisor * (1 + place) + rest; };
  const std::int64_t zeros = 2 + divisor * (2 + scale);
  const auto states = static_cast<std::size_t>(zeros + 1);
  made.next.assign(states * width, -1);
  made.accepting.assign(states, false);
  const auto set = [&](std::int64_t state, std::size_t by, std::int64_t to) {
    made.next[static_cast<std::size_t>(state) * width + class_of(by)] = static_cast<std::int32_t>(to);
  };
  const auto divides = [&](std::int64_t rest, std::int64_t places_left) {
    for (std::int64_t i = 0; i < places_left; ++i) rest = rest * 10 % divisor;
    return rest % divisor == 0;
  };
  set(0, 11, 1);
  for (std::int64_t digit = 0; digit < 10; ++digit) {
    set(0, static_cast<std::size_t>(digit), whole(digit % divisor));
    set(1, static_cast<std::size_t>(digit), whole(digit % divisor));
    for (std::int64_t rest = 0; rest < divisor; ++rest) {
      const std::int64_t to = (rest * 10 + digit) % divisor;
      set(whole(rest), static_cast<std::size_t>(digit), whole(to));
      for (std::int64_t place = 0; place < scale; ++place)
        set(behind(place, rest), static_cast<std::size_t>(digit), behind(place + 1, to));
    }
  }
  for (std::int64_t rest = 0; rest < divisor; ++rest) {
    set(whole(rest), 10, behind(0, rest));
    made.accepting[static_cast<std::size_t>(whole(rest))] = divides(rest, scale);
    for (std::int64_t place = 1; place <= scale; ++place)
      made.accepting[static_cast<std::size_t>(behind(place, rest))] = divides(rest, scale - place);
  }
  // Behind the last place that counts, zeros only.
  set(behind(scale, 0), 0, zeros);
  set(zeros, 0, zeros);
  made.accepting[static_cast<std::size_t>(zeros)] = true;
  return trimmed(std::move(made));
}

}  // namespace mnema::grammar
