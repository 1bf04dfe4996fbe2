// runtime/events/outbox_bounds.hpp
//
// How many messages there are of each tenant, waiting and dead, and whether one more may be written.
//
// Threads:   any; `mutex_` guards the counts. They follow the rows after each commit, so within one commit group the
//            bounds may be passed.
// Ownership: borrows the limits, which outlive it.
// Invariant: the counts are those of the committed rows   (check_integrity of the outbox)
#pragma once

#include <mutex>
#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/tenant_counts.hpp"

namespace mnema {

class OutboxBounds {
 public:
  explicit OutboxBounds(const Limits& limits) : limits_(limits) {}

  /// Errors: `kResourceExhausted` (retryable, `never_left`, so that the turn waits without being counted).
  [[nodiscard]] Status check(const std::string& tenant) const;
  /// Rows that are waiting or in flight (`living`) and dead ones came or went.
  void add(const std::string& tenant, int living, int dead);

  [[nodiscard]] std::int64_t living() const;
  [[nodiscard]] std::int64_t dead() const;

 private:
  const Limits& limits_;
  mutable std::mutex mutex_;  // guards both
  TenantCounts living_;
  TenantCounts dead_;
};

}  // namespace mnema
