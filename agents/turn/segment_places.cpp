#include "agents/turn/segment_places.hpp"

#include <algorithm>
#include <string_view>

namespace mnema {
namespace {

constexpr const char* kBlanks = " \n\t\r";
/// What a template writes between two segments, at most. A segment that is not found may have been as long as it is.
constexpr std::size_t kBetweenMax = 4096;

}  // namespace

std::vector<SegmentPlace> segment_places(const Prompt& prompt, const std::string& text) {
  std::vector<SegmentPlace> places;
  std::size_t from = 0, between = kBetweenMax;
  for (std::size_t m = 0; m < prompt.messages.size(); ++m) {
    for (std::size_t s = 0; s < prompt.messages[m].content.size(); ++s) {
      const std::string_view whole = prompt.messages[m].content[s].text;
      const std::size_t first = whole.find_first_not_of(kBlanks);
      if (first == std::string_view::npos) continue;
      const std::string_view trimmed = whole.substr(first, whole.find_last_not_of(kBlanks) + 1 - first);
      // Not through the whole rest: thousands of changed segments would each be looked for in all of it.
      const std::size_t found = std::string_view(text).substr(from, between + trimmed.size()).find(trimmed);
      if (found == std::string_view::npos) {
        between = std::min(text.size(), between + kBetweenMax + whole.size());
        continue;
      }
      places.push_back({m, s, from + found, from + found + trimmed.size()});
      from = places.back().end;
      between = kBetweenMax;
    }
    between = std::min(text.size(), between + kBetweenMax);
  }
  return places;
}

}  // namespace mnema
