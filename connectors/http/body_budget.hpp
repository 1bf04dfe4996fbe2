// connectors/http/body_budget.hpp
//
// The memory that all request bodies of one server may take together. Bodies come before any key or signature has been
// checked, so a stranger who sends a hundred of them halfway must not take more than `limits.http_bodies_bytes_max`.
// A body holds a lease on the bytes it has allocated, from its first byte until its exchange ends; what a client only
// announces (Content-Length) costs nothing.
//
// The last eighth is kept for small bodies (up to kSmallBodyBytes), so that a few large uploads do not shut out
// ordinary requests. Requests without a body need no lease. Headers are bounded apart: by their size and the
// connections' number.
//
// Threads:   any; one mutex. A lease is used by one thread at a time.
// Ownership: leases borrow the budget, which outlives them.
// Invariant: bytes_used() == the sum of all leases <= the limit   (check_integrity)
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>

#include "runtime/base/limits.hpp"

namespace mnema {

class BodyBudget {
 public:
  static constexpr std::int64_t kSmallBodyBytes = 64 << 10;

  explicit BodyBudget(const Limits& limits) : bytes_max_(limits.http_bodies_bytes_max) {}
  ~BodyBudget();
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  /// What one body holds; released when it goes.
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    /// Asks for `bytes` in all, to be called before they are allocated. False: there are not so many now, and the lease
    /// is as it was.
    [[nodiscard]] bool grow_to(std::int64_t bytes);

   private:
    friend class BodyBudget;
    explicit Lease(BodyBudget& budget) : budget_(budget) {}
    BodyBudget& budget_;
    std::int64_t bytes_ = 0;  // guarded by the budget's mutex
  };
  [[nodiscard]] std::unique_ptr<Lease> open();

  [[nodiscard]] std::int64_t bytes_used() const;
  void check_integrity() const;

 private:
  const std::int64_t bytes_max_;
  mutable std::mutex mutex_;  // guards all below
  std::set<const Lease*> leases_;
  std::int64_t used_ = 0;
};

}  // namespace mnema
