// runtime/events/budget.hpp
//
// What a turn may spend, reserved before it is spent. A reservation counts in full until it is settled with what was
// really used, so that calls that run beside each other cannot together exceed the bound. Budgets form a tree (turn,
// agent, tenant): a reservation must fit all of them.
//
// A repeated call with the same arguments is counted too: after `identical_calls_max` the loop is broken, while many
// different calls of one tool are not.
//
// Threads:   every method from any thread; one mutex per budget, taken from the leaf up.
// Ownership: a child keeps its parent; a reservation keeps its budget.
// Invariant: reserved + spent <= limit, unless an answer turned out larger than its reservation   (check_integrity)
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct Spending {
  std::int64_t tokens = 0;
  std::int64_t tool_calls = 0;
  std::int64_t micro_dollars = 0;

  Spending& operator+=(const Spending& other);
  Spending& operator-=(const Spending& other);
  bool operator==(const Spending&) const = default;
};

struct BudgetLimits {
  std::optional<std::int64_t> tokens = {};
  std::optional<std::int64_t> tool_calls = {};
  std::optional<std::int64_t> micro_dollars = {};
  std::optional<Duration> wall_time = {};   // since the budget was made
  std::optional<int> identical_calls = {};  // of one (tool, arguments)
};

class Budget;

/// Money put aside. Dropped unsettled, it counts as spent in full: what was not reported may have been used.
class Reservation {
 public:
  Reservation() = default;  // of nothing
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();

  /// The call used this much, which may be more than was reserved.
  void settle(const Spending& used);
  /// The call was not made.
  void cancel() { settle(Spending{}); }
  [[nodiscard]] const Spending& amount() const { return amount_; }

 private:
  friend class Budget;
  std::shared_ptr<Budget> budget_;
  Spending amount_;
};

class Budget : public std::enable_shared_from_this<Budget> {
 public:
  /// `id` is a path, "local/triage/17", shown in errors.
  [[nodiscard]] static std::shared_ptr<Budget> create(std::string id, BudgetLimits limits, const Clock& clock,
                                                      std::shared_ptr<Budget> parent = nullptr);

  /// Errors: `kBudgetExceeded`, says which budget, how much is left and what was asked.
  [[nodiscard]] Result<Reservation> reserve(const Spending& amount);

  /// Counts one more call of `tool` with these arguments (canonical JSON or its hash).
  /// Errors: `kBudgetExceeded` when it is one too many.
  [[nodiscard]] Status count_call(const std::string& tool, const std::string& arguments);

  /// Errors: `kBudgetExceeded` when the wall time of this budget or one above is over.
  [[nodiscard]] Status check_time() const;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Spending spent() const;
  [[nodiscard]] Spending reserved() const;
  /// Tokens left here and above, none if no budget bounds them.
  [[nodiscard]] std::optional<std::int64_t> tokens_left() const;
  void check_integrity() const;

 private:
  friend class Reservation;
  Budget(std::string id, BudgetLimits limits, const Clock& clock, std::shared_ptr<Budget> parent);
  [[nodiscard]] Status reserve_here(const Spending& amount);
  void settle(const Spending& reserved, const Spending& used);

  const std::string id_;
  const BudgetLimits limits_;
  const Clock& clock_;
  const MonotonicTime began_at_;
  const std::shared_ptr<Budget> parent_;
  mutable std::mutex mutex_;  // guards all below
  Spending reserved_;
  Spending spent_;
  Spending overdrawn_;  // what answers used above their reservations
  std::map<std::pair<std::string, std::string>, int> calls_;
};

}  // namespace mnema
