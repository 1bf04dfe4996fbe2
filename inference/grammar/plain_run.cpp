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

}  // namespace

std::optional<PlainRun> plain_run(Matcher& matcher, Position start) {
  const Position first = matcher.step(start, 'a');
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

}  // namespace mnema::grammar
