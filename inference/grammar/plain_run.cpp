#include "inference/grammar/plain_run.hpp"

#include <algorithm>
#include <vector>

#include "inference/grammar/utf8_ranges.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kWorthwhile = 48;  // ASCII characters; with fewer, dead ends make the walk short
constexpr std::uint32_t kCodePointMax = 0x10ffff;

/// Where every character beyond ASCII leads (kDead included); none where they lead to different places.
std::optional<Position> after_others(Matcher& matcher, Position start) {
  static const std::vector<std::vector<ByteRange>> kSequences = utf8_sequences(0x80, kCodePointMax);
  std::optional<Position> result;
  for (const std::vector<ByteRange>& sequence : kSequences) {
    std::vector<Position> at{start}, next;
    for (const ByteRange& range : sequence) {
      next.clear();
      for (const Position position : at) {
        for (int byte = range.first; byte <= range.last; ++byte) {
          const Position to = position == kDead ? kDead : matcher.step(position, static_cast<std::uint8_t>(byte));
          if (std::find(next.begin(), next.end(), to) == next.end()) next.push_back(to);
        }
      }
      std::swap(at, next);
    }
    if (at.size() != 1 || (result && *result != at.front())) return std::nullopt;
    result = at.front();
  }
  return result;
}

/// Where every character of the set leads; none where they lead to different places.
std::optional<Position> after_all(Matcher& matcher, Position start, const CharacterSet& characters) {
  std::optional<Position> result;
  for (std::size_t byte = 0; byte < characters.ascii.size(); ++byte) {
    if (!characters.ascii.test(byte)) continue;
    const Position to = matcher.step(start, static_cast<std::uint8_t>(byte));
    if (result && *result != to) return std::nullopt;
    result = to;
  }
  if (characters.others && after_others(matcher, start) != result) return std::nullopt;
  return result;
}

/// Where most ASCII characters lead from `start`; kDead where that is nowhere.
Position after_most(Matcher& matcher, Position start) {
  std::vector<std::pair<Position, int>> counts;
  for (std::uint8_t byte = 0x20; byte < 0x7f; ++byte) {
    const Position to = matcher.step(start, byte);
    const auto known = std::find_if(counts.begin(), counts.end(), [&](const auto& one) { return one.first == to; });
    if (known != counts.end()) {
      ++known->second;
    } else {
      counts.emplace_back(to, 1);
    }
  }
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// The run from `start`, all of whose characters lead to one place.
std::optional<PlainRun> even_run(Matcher& matcher, Position start) {
  const Position first = after_most(matcher, start);
  if (first == kDead) return std::nullopt;
  PlainRun run;
  for (std::size_t byte = 0; byte < run.characters.ascii.size(); ++byte) {
    run.characters.ascii.set(byte, matcher.step(start, static_cast<std::uint8_t>(byte)) == first);
  }
  if (run.characters.ascii.count() < kWorthwhile) return std::nullopt;
  run.characters.others = after_others(matcher, start) == first;
  Position at = first;
  for (run.length = 1; run.length < PlainTokens::kLengthMax; ++run.length) {
    const std::optional<Position> next = after_all(matcher, at, run.characters);
    if (!next) return std::nullopt;
    if (*next == kDead) break;
    if (*next == at) run.length = PlainTokens::kLengthMax - 1;  // round and round
    at = *next;
  }
  return run;
}

}  // namespace

std::optional<PlainRun> plain_run(Matcher& matcher, Position start) {
  const Position first = after_most(matcher, start);
  if (first == kDead) return std::nullopt;
  // Some characters may lead elsewhere, but only here: behind the others the run is even. Its table is that of all
  // such places, where one without those characters would be a table for this place alone.
  std::optional<PlainRun> run = first != start ? even_run(matcher, first) : std::nullopt;
  if (!run) return even_run(matcher, start);
  std::size_t alike = 0;
  for (std::size_t byte = 0; byte < run->characters.ascii.size(); ++byte) {
    if (!run->characters.ascii.test(byte)) continue;
    const bool differs = matcher.step(start, static_cast<std::uint8_t>(byte)) != first;
    run->other_firsts.set(byte, differs);
    alike += !differs;
  }
  if (alike < kWorthwhile) return even_run(matcher, start);
  if (run->characters.others && after_others(matcher, start) != first) {
    for (std::size_t byte = 0x80; byte < 0x100; ++byte) run->other_firsts.set(byte);
  }
  run->length = std::min(run->length + 1, PlainTokens::kLengthMax);
  return run;
}

}  // namespace mnema::grammar
