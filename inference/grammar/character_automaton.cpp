#include "inference/grammar/character_automaton.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace mnema::grammar {
namespace {

constexpr std::size_t kWordLengthMax = 256;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

std::vector<CodePointRanges> partition(const std::vector<CodePointRanges>& sets,
                                       std::vector<std::vector<int>>& members) {
  // A sweep over the places where a set begins or ends; between two of them the same sets hold.
  struct Event {
    std::uint32_t at;
    int set;
  };
  std::vector<Event> events;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const CodePointRange& range : sets[i]) {
      events.push_back({range.first, static_cast<int>(i)});
      events.push_back({range.last + 1, static_cast<int>(i)});
    }
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  std::vector<CodePointRanges> classes;
  std::map<std::vector<bool>, int> class_of;
  std::vector<bool> holds(sets.size(), false);
  const auto add = [&](std::uint32_t first, std::uint32_t last) {
    if (first >= 0xD800 && first <= 0xDFFF) first = 0xE000;
    if (last >= 0xD800 && last <= 0xDFFF) last = 0xD7FF;
    if (first > last) return;
    const auto [place, fresh] = class_of.try_emplace(holds, static_cast<int>(classes.size()));
    if (fresh) classes.emplace_back();
    CodePointRanges& ranges = classes[index(place->second)];
    if (first < 0xD800 && last > 0xDFFF) {
      ranges.push_back({first, 0xD7FF});
      first = 0xE000;
    }
    if (!ranges.empty() && ranges.back().last + 1 == first) {
      ranges.back().last = last;
    } else {
      ranges.push_back({first, last});
    }
  };
  std::uint32_t from = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].at > from && from <= kCodePointMax) add(from, std::min(events[i].at - 1, kCodePointMax));
    from = std::max(from, events[i].at);
    holds[index(events[i].set)] = !holds[index(events[i].set)];
  }
  if (from <= kCodePointMax) add(from, kCodePointMax);
  members.assign(sets.size(), {});
  for (const auto& [signature, its_class] : class_of) {
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (signature[i]) members[i].push_back(its_class);
    }
  }
  return classes;
}

bool CharacterAutomaton::accepts(std::u32string_view text) const {
  if (empty()) return false;
  std::int32_t state = 0;
  for (const char32_t c : text) {
    std::int32_t to = -1;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      const auto after = std::upper_bound(classes[i].begin(), classes[i].end(), static_cast<std::uint32_t>(c),
                                          [](std::uint32_t value, const CodePointRange& r) { return value < r.first; });
      if (after != classes[i].begin() && c <= std::prev(after)->last) {
        to = step(index(state), i);
        break;
      }
    }
    if (to < 0) return false;
    state = to;
  }
  return accepting[index(state)];
}

CharacterAutomaton any_text() { return {{{{0, 0xD7FF}, {0xE000, kCodePointMax}}}, {0}, {true}}; }

CharacterAutomaton texts_of(const std::vector<std::u32string>& texts) {
  CharacterAutomaton made;
  std::vector<CodePointRanges> sets;
  std::map<char32_t, std::size_t> set_of;
  for (const std::u32string& text : texts) {
    for (const char32_t c : text) {
      if (set_of.try_emplace(c, sets.size()).second) sets.push_back({{c, c}});
    }
  }
  std::vector<std::vector<int>> members;
  made.classes = partition(sets, members);
  const std::size_t width = made.classes.size();
  const auto add_state = [&] {
    made.accepting.push_back(false);
    made.next.resize(made.next.size() + width, -1);
    return static_cast<std::int32_t>(made.accepting.size() - 1);
  };
  if (texts.empty()) return made;
  add_state();
  for (const std::u32string& text : texts) {
    std::int32_t state = 0;
    for (const char32_t c : text) {
      const std::size_t at = index(state) * width + index(members[set_of.at(c)].at(0));
      if (made.next[at] < 0) {
        const std::int32_t fresh = add_state();
        made.next[at] = fresh;
      }
      state = made.next[at];
    }
    made.accepting[index(state)] = true;
  }
  return made;
}

CharacterAutomaton complement(const CharacterAutomaton& of) {
  if (of.empty()) return any_text();
  CharacterAutomaton made = of;
  const auto sink = static_cast<std::int32_t>(made.states());
  made.accepting.push_back(false);
  made.next.resize(made.next.size() + made.classes.size(), -1);
  for (std::int32_t& to : made.next) {
    if (to < 0) to = sink;
  }
  made.accepting.flip();
  return trimmed(std::move(made));
}

CharacterAutomaton trimmed(CharacterAutomaton of) {
  const std::size_t width = of.classes.size();
  std::vector<std::vector<std::int32_t>> before(of.states());
  for (std::size_t state = 0; state < of.states(); ++state) {
    for (std::size_t c = 0; c < width; ++c) {
      const std::int32_t to = of.step(state, c);
      if (to >= 0 && (before[index(to)].empty() || before[index(to)].back() != static_cast<std::int32_t>(state)))
        before[index(to)].push_back(static_cast<std::int32_t>(state));
    }
  }
  std::vector<bool> alive(of.states(), false);
  std::vector<std::int32_t> work;
  for (std::size_t state = 0; state < of.states(); ++state) {
    if (!of.accepting[state]) continue;
    alive[state] = true;
    work.push_back(static_cast<std::int32_t>(state));
  }
  while (!work.empty()) {
    const std::int32_t state = work.back();
    work.pop_back();
    for (const std::int32_t from : before[index(state)]) {
      if (alive[index(from)]) continue;
      alive[index(from)] = true;
      work.push_back(from);
    }
  }
  if (of.empty() || !alive[0]) {
    of.next.clear();
    of.accepting.clear();
    return of;
  }
  std::vector<std::int32_t> renamed(of.states(), -1);
  std::int32_t count = 0;
  for (std::size_t state = 0; state < of.states(); ++state) {
    if (alive[state]) renamed[state] = count++;
  }
  CharacterAutomaton made;
  made.classes = std::move(of.classes);
  for (std::size_t state = 0; state < alive.size(); ++state) {
    if (!alive[state]) continue;
    made.accepting.push_back(of.accepting[state]);
    for (std::size_t c = 0; c < width; ++c) {
      const std::int32_t to = of.next[state * width + c];
      made.next.push_back(to < 0 ? -1 : renamed[index(to)]);
    }
  }
  return made;
}

std::optional<CharacterAutomaton> intersection(const CharacterAutomaton& a, const CharacterAutomaton& b,
                                               std::size_t states_max) {
  CharacterAutomaton made;
  if (a.empty() || b.empty()) return made;
  // Each class of both is a set; what they have in common are the new classes.
  std::vector<CodePointRanges> sets = a.classes;
  sets.insert(sets.end(), b.classes.begin(), b.classes.end());
  std::vector<std::vector<int>> members;
  made.classes = partition(sets, members);
  const std::size_t width = made.classes.size();
  std::vector<std::size_t> of_a(width), of_b(width);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const int member : members[i]) (i < a.classes.size() ? of_a : of_b)[index(member)] = i;
  }
  for (std::size_t& c : of_b) c -= a.classes.size();
  std::unordered_map<std::int64_t, std::int32_t> known;
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  const auto state_of = [&](std::int32_t x, std::int32_t y) {
    const std::int64_t key = static_cast<std::int64_t>(x) << 32 | y;
    const auto [place, fresh] = known.try_emplace(key, static_cast<std::int32_t>(pairs.size()));
    if (fresh) pairs.emplace_back(x, y);
    return place->second;
  };
  state_of(0, 0);
  for (std::size_t state = 0; state < pairs.size(); ++state) {
    if (pairs.size() > states_max) return std::nullopt;
    const auto [x, y] = pairs[state];
    made.accepting.push_back(a.accepting[index(x)] && b.accepting[index(y)]);
    for (std::size_t c = 0; c < width; ++c) {
      const std::int32_t to_x = a.step(index(x), of_a[c]), to_y = b.step(index(y), of_b[c]);
      made.next.push_back(to_x < 0 || to_y < 0 ? -1 : state_of(to_x, to_y));
    }
  }
  return trimmed(std::move(made));
}

std::optional<CharacterAutomaton> with_length(const CharacterAutomaton& of, std::int64_t min, std::int64_t max,
                                              std::size_t states_max) {
  CharacterAutomaton made;
  made.classes = of.classes;
  if (of.empty() || (max >= 0 && max < min)) return made;
  // Characters are counted up to where the count no longer matters.
  const std::int64_t counted = max >= 0 ? max : min;
  if (static_cast<std::uint64_t>(counted) > states_max) return std::nullopt;
  std::unordered_map<std::int64_t, std::int32_t> known;
  std::vector<std::pair<std::int32_t, std::int64_t>> pairs;
  const auto state_of = [&](std::int32_t state, std::int64_t count) {
    const auto [place, fresh] =
        known.try_emplace(static_cast<std::int64_t>(state) << 32 | count, static_cast<std::int32_t>(pairs.size()));
    if (fresh) pairs.emplace_back(state, count);
    return place->second;
  };
  state_of(0, 0);
  for (std::size_t at = 0; at < pairs.size(); ++at) {
    if (pairs.size() > states_max) return std::nullopt;
    const auto [state, count] = pairs[at];
    made.accepting.push_back(of.accepting[index(state)] && count >= min);
    const std::int64_t after = max < 0 ? std::min(count + 1, counted) : count + 1;
    for (std::size_t c = 0; c < of.classes.size(); ++c) {
      const std::int32_t to = max >= 0 && after > max ? -1 : of.step(index(state), c);
      made.next.push_back(to < 0 ? -1 : state_of(to, after));
    }
  }
  return trimmed(std::move(made));
}

LengthBounds length_bounds(const CharacterAutomaton& of) {
  LengthBounds bounds;
  const std::size_t width = of.classes.size();
  // Shortest: breadth first. Longest: by depth-first order, unless there is a cycle (every state leads to an end).
  std::vector<std::int64_t> shortest(of.states(), -1), longest(of.states(), -1);
  std::vector<std::size_t> queue{0};
  shortest[0] = 0;
  bounds.min = -1;
  for (std::size_t i = 0; i < queue.size() && bounds.min < 0; ++i) {
    const std::size_t state = queue[i];
    if (of.accepting[state]) bounds.min = shortest[state];
    for (std::size_t c = 0; c < width; ++c) {
      const std::int32_t to = of.step(state, c);
      if (to < 0 || shortest[index(to)] >= 0) continue;
      shortest[index(to)] = shortest[state] + 1;
      queue.push_back(index(to));
    }
  }
  enum class Mark : char { kNew, kOpen, kDone };
  std::vector<Mark> mark(of.states(), Mark::kNew);
  std::vector<std::pair<std::size_t, std::size_t>> path{{0, 0}};
  mark[0] = Mark::kOpen;
  while (!path.empty()) {
    auto& [state, c] = path.back();
    if (c == width) {
      std::int64_t most = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const std::int32_t to = of.step(state, i);
        if (to >= 0) most = std::max(most, longest[index(to)] + 1);
      }
      longest[state] = most;
      mark[state] = Mark::kDone;
      path.pop_back();
      continue;
    }
    const std::int32_t to = of.step(state, c++);
    if (to < 0 || mark[index(to)] == Mark::kDone) continue;
    if (mark[index(to)] == Mark::kOpen) {
      bounds.max = -1;
      return bounds;
    }
    mark[index(to)] = Mark::kOpen;
    path.emplace_back(index(to), 0);
  }
  bounds.max = longest[0];
  return bounds;
}

std::optional<std::vector<std::u32string>> texts_in(const CharacterAutomaton& of, std::size_t count_max) {
  std::vector<std::u32string> texts;
  if (of.empty()) return texts;
  if (const LengthBounds bounds = length_bounds(of); bounds.max < 0 || bounds.max > static_cast<int>(kWordLengthMax))
    return std::nullopt;
  // Trimmed and without a cycle: every way ends in a text, so as many ways as texts are looked at.
  struct Visit {
    std::size_t state;
    std::u32string text;
  };
  std::vector<Visit> work{{0, {}}};
  while (!work.empty()) {
    const Visit at = std::move(work.back());
    work.pop_back();
    if (of.accepting[at.state]) texts.push_back(at.text);
    if (texts.size() > count_max || work.size() > 4 * count_max) return std::nullopt;
    for (std::size_t c = 0; c < of.classes.size(); ++c) {
      const std::int32_t to = of.step(at.state, c);
      if (to < 0) continue;
      for (const CodePointRange& range : of.classes[c]) {
        if (range.last - range.first > count_max) return std::nullopt;
        for (std::uint32_t value = range.first; value <= range.last; ++value)
          work.push_back({index(to), at.text + static_cast<char32_t>(value)});
      }
      if (work.size() > 4 * count_max) return std::nullopt;
    }
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

}  // namespace mnema::grammar
