// runtime/events/mailbox_bounds.hpp
//
// Whether the mailbox may take one more event, and of whom: the bounds of the whole, of a tenant, of an agent key, and
// of dead letters. Counts what is in the queue and what is accepted but not yet committed.
//
// The log gets one line when a tenant's events (or everybody's) begin to be refused, and one when there is capacity
// again: below nine tenths of the bound, so that a mailbox at its bound does not write a line for every event.
//
// Threads:   confined to the mailbox's home executor.
// Ownership: borrows the queue and the limits, which outlive it.
// Invariant: arriving by lane and by tenant add up to the same   (check_integrity)
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/mailbox_pressure.hpp"
#include "runtime/events/tenant_counts.hpp"
#include "runtime/events/tenant_queue.hpp"

namespace mnema {

class MailboxBounds {
 public:
  MailboxBounds(const TenantQueue& queue, const Limits& limits) : queue_(queue), limits_(limits), pressure_(limits) {}

  /// Reports when the whole or a tenant comes near its bound of rows, or a tenant is refused for its dead letters, and
  /// when that is over: what sources are paused and resumed by.
  void on_pressure(MailboxPressure::Listener listener) { pressure_.listen(std::move(listener)); }

  /// Whether one more event of this tenant and lane may come in. Errors: `kMailboxFull` (retryable, with
  /// retry_after_ms).
  [[nodiscard]] Status check(const std::string& tenant, const std::string& lane);
  /// An event that was let in is on its way to the disk.
  void begin_arrival(const std::string& tenant, const std::string& lane);
  /// It is on disk, or was not taken.
  void end_arrival(const std::string& tenant, const std::string& lane);
  /// The queue has one more row of this tenant.
  void note_rows(const std::string& tenant);
  /// Looks again whether those that were refused have capacity; after anything has left.
  void look_for_capacity();

  /// Dead letters of each tenant.
  TenantCounts dead;

  [[nodiscard]] bool is_full() const { return rows() >= limits_.mailbox_rows_max; }
  void check_integrity() const;

 private:
  [[nodiscard]] std::int64_t rows() const { return queue_.rows() + arriving_.total(); }
  [[nodiscard]] std::int64_t rows_of(const std::string& tenant) const {
    return queue_.rows_of(tenant) + arriving_.of(tenant);
  }
  [[nodiscard]] Error full(const std::string& what, std::int64_t rows_max) const;
  void look_at(const std::string& tenant);
  void note_refusal(std::set<std::string>& refused, const std::string& tenant, const Error& why);

  const TenantQueue& queue_;
  const Limits& limits_;
  TenantCounts arriving_;
  std::unordered_map<std::string, std::unordered_map<std::string, std::int64_t>> arriving_in_;  // tenant -> lane
  bool all_refused_ = false;
  std::set<std::string> refused_rows_;          // tenants at their bound of rows
  std::set<std::string> refused_dead_letters_;  // tenants at their bound of dead letters
  MailboxPressure pressure_;
};

}  // namespace mnema
