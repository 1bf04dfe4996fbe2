#include "runtime/events/event_feed.hpp"

namespace mnema {
namespace {

constexpr Duration kWatched = std::chrono::seconds(30);  // after a reading

}  // namespace

void EventFeed::on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) {
  note("accepted", *event, sequence);
}

void EventFeed::note(const std::string& what, const Event& event, Sequence sequence) {
  const std::int64_t watched_until = watched_until_.load(std::memory_order_relaxed);
  if (watched_until == 0 || clock_.monotonic_now().time_since_epoch().count() > watched_until) return;
  const std::scoped_lock lock(mutex_);
  entries_.push_back({++last_, clock_.now(), what, sequence, event.tenant, event.agent, event.key, event.type,
                      event.source, event.id});
  if (entries_.size() > static_cast<std::size_t>(limits_.event_feed_entries_max)) entries_.pop_front();
}

EventFeed::Page EventFeed::read(std::int64_t after, std::size_t count, const std::string& tenant) {
  watched_until_ = (clock_.monotonic_now() + kWatched).time_since_epoch().count();
  const std::scoped_lock lock(mutex_);
  Page page;
  page.last = last_;
  if (after < 0) return page;
  page.has_gap = after < last_ && (entries_.empty() || entries_.front().number > after + 1);
  for (const Entry& entry : entries_) {
    if (entry.number <= after || (!tenant.empty() && entry.tenant != tenant)) continue;
    if (page.entries.size() == count) {
      page.last = page.entries.back().number;
      break;
    }
    page.entries.push_back(entry);
  }
  return page;
}

}  // namespace mnema
