// runtime/events/runtime_counts.hpp
//
// What there is in mailbox and outbox and what has gone through them since the start, for metrics.
//
// Threads: plain value.
#pragma once

#include <cstdint>

namespace mnema {

struct RuntimeCounts {
  std::int64_t events_ready = 0;
  std::int64_t events_leased = 0;
  std::int64_t events_waiting = 0;  // lanes whose next event waits for its time or for `wake`
  std::int64_t events_dead = 0;
  std::int64_t events_accepted_total = 0;   // duplicates not among them
  std::int64_t events_duplicate_total = 0;  // repeats of an event that is known
  std::int64_t events_refused_total = 0;    // for a bound of the mailbox
  std::int64_t events_dead_total = 0;
  std::int64_t events_filtered_total = 0;   // settled because they do not fit their agent's `where`
  std::int64_t events_sampled_total = 0;    // settled because others stand for them
  std::int64_t events_coalesced_total = 0;  // settled because a newer one of their key had the turn
  std::int64_t events_expired_total = 0;    // dead letters whose deadline passed
  std::int64_t messages_waiting = 0;
  std::int64_t messages_in_flight = 0;
  std::int64_t messages_dead = 0;
  std::int64_t messages_delivered_total = 0;
  std::int64_t messages_dead_total = 0;
  bool mailbox_full = false;  // of all tenants together
};

}  // namespace mnema
