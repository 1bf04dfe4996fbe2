// runtime/events/event_feed.hpp
//
// What has just happened to events, for somebody who watches: accepted, and how each of their turns ended. The last
// `limits.event_feed_entries_max` entries, and only while somebody asks: a feed that nobody has read for a while keeps
// nothing and costs an atomic read per event. Nothing of it is durable.
//
// Threads: any.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/prestage.hpp"

namespace mnema {

class EventFeed final : public PrestageObserver {
 public:
  struct Entry {
    std::int64_t number = 0;  // counted from 1 since the start
    Time at{};
    std::string what;  // "accepted", "done", "retried", "dead", ...
    Sequence sequence = 0;
    std::string tenant, agent, key, type, source, id;
  };
  struct Page {
    std::vector<Entry> entries;
    std::int64_t last = 0;  // where to read on
    bool has_gap = false;   // entries between `after` and these are no longer there
  };

  EventFeed(const Clock& clock, const Limits& limits) : clock_(clock), limits_(limits) {}

  void on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) override;
  void note(const std::string& what, const Event& event, Sequence sequence);

  /// Entries behind `after` of `tenant` ("" = of all), at most `count`. `after` < 0: from now on.
  [[nodiscard]] Page read(std::int64_t after, std::size_t count, const std::string& tenant);

 private:
  const Clock& clock_;
  const Limits& limits_;
  std::atomic<std::int64_t> watched_until_ = 0;  // in microseconds of the monotonic clock
  std::mutex mutex_;                             // guards what follows
  std::deque<Entry> entries_;
  std::int64_t last_ = 0;
};

}  // namespace mnema
