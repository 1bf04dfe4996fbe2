// runtime/events/expiry_index.hpp
//
// Which events have a deadline and whose is next: one entry for each, and one timer of its owner for all of them.
//
// Threads:   confined to its owner's thread.
// Invariant: an entry is in the order of times exactly until its time was reported   (check_integrity)
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

class ExpiryIndex {
 public:
  struct Entry {
    Time at{};
    std::string tenant;
    std::string agent;
    std::string lane;
    bool reported = false;
  };

  void add(Sequence sequence, Entry entry) {
    forget(sequence);
    by_time_.emplace(entry.at, sequence);
    entries_.emplace(sequence, std::move(entry));
  }
  void forget(Sequence sequence) {
    const auto found = entries_.find(sequence);
    if (found == entries_.end()) return;
    by_time_.erase({found->second.at, sequence});
    entries_.erase(found);
  }
  /// The event is back in its queue: what was reported while it was out is to be reported again.
  void rearm(Sequence sequence) {
    const auto found = entries_.find(sequence);
    if (found == entries_.end() || !std::exchange(found->second.reported, false)) return;
    by_time_.emplace(found->second.at, sequence);
  }

  /// The next event whose deadline is at `now` or before; reported once.
  std::optional<Sequence> take_due(Time now) {
    if (by_time_.empty() || by_time_.begin()->first > now) return std::nullopt;
    const Sequence sequence = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    entries_.find(sequence)->second.reported = true;
    return sequence;
  }
  [[nodiscard]] const Entry* find(Sequence sequence) const {
    const auto found = entries_.find(sequence);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::optional<Time> next() const {
    if (by_time_.empty()) return std::nullopt;
    return by_time_.begin()->first;
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  void check_integrity() const {
    std::size_t waiting = 0;
    for (const auto& [sequence, entry] : entries_) {
      CHECK(by_time_.contains({entry.at, sequence}) != entry.reported, "what is not reported waits for its time");
      waiting += entry.reported ? 0 : 1;
    }
    CHECK(waiting == by_time_.size(), "nothing else waits");
  }

 private:
  std::unordered_map<Sequence, Entry> entries_;
  std::set<std::pair<Time, Sequence>> by_time_;
};

}  // namespace mnema
