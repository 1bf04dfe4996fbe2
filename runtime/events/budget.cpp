#include "runtime/events/budget.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// One kind of spending, with its name in messages.
struct Kind {
  std::int64_t Spending::* amount;
  std::optional<std::int64_t> BudgetLimits::* limit;
  const char* name;
};
constexpr Kind kKinds[] = {{&Spending::tokens, &BudgetLimits::tokens, "tokens"},
                           {&Spending::tool_calls, &BudgetLimits::tool_calls, "tool calls"},
                           {&Spending::micro_dollars, &BudgetLimits::micro_dollars, "micro-dollars"}};

}  // namespace

Spending& Spending::operator+=(const Spending& other) {
  for (const Kind& kind : kKinds) this->*kind.amount += other.*kind.amount;
  return *this;
}

Spending& Spending::operator-=(const Spending& other) {
  for (const Kind& kind : kKinds) this->*kind.amount -= other.*kind.amount;
  return *this;
}

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::move(other.budget_)), amount_(std::exchange(other.amount_, Spending{})) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    settle(amount_);
    budget_ = std::move(other.budget_);
    amount_ = std::exchange(other.amount_, Spending{});
  }
  return *this;
}

Reservation::~Reservation() { settle(amount_); }

void Reservation::settle(const Spending& used) {
  if (const std::shared_ptr<Budget> budget = std::move(budget_)) budget->settle(amount_, used);
  budget_.reset();
  amount_ = Spending{};
}

Budget::Budget(std::string id, BudgetLimits limits, const Clock& clock, std::shared_ptr<Budget> parent)
    : id_(std::move(id)),
      limits_(limits),
      clock_(clock),
      began_at_(clock.monotonic_now()),
      parent_(std::move(parent)) {}

std::shared_ptr<Budget> Budget::create(std::string id, BudgetLimits limits, const Clock& clock,
                                       std::shared_ptr<Budget> parent) {
  return std::shared_ptr<Budget>(new Budget(std::move(id), limits, clock, std::move(parent)));
}

Status Budget::reserve_here(const Spending& amount) {
  const std::lock_guard lock(mutex_);
  for (const Kind& kind : kKinds) {
    const std::optional<std::int64_t>& limit = limits_.*kind.limit;
    if (!limit || amount.*kind.amount == 0) continue;
    const std::int64_t left = std::max<std::int64_t>(0, *limit - reserved_.*kind.amount - spent_.*kind.amount);
    if (amount.*kind.amount > left) {
      return fail(ErrorCode::kBudgetExceeded,
                  "budget '" + id_ + "' has " + std::to_string(left) + " of " + std::to_string(*limit) + " " +
                      kind.name + " left; " + std::to_string(amount.*kind.amount) + " were asked for",
                  "raise the budget or do less in one turn");
    }
  }
  reserved_ += amount;
  return {};
}

Result<Reservation> Budget::reserve(const Spending& amount) {
  for (Budget* budget = this; budget != nullptr; budget = budget->parent_.get()) {
    const Status status = budget->reserve_here(amount);
    if (status.ok()) continue;
    // What the budgets below have already put aside goes back.
    for (Budget* below = this; below != budget; below = below->parent_.get()) {
      const std::lock_guard lock(below->mutex_);
      below->reserved_ -= amount;
    }
    return status.error();
  }
  Reservation made;
  made.budget_ = shared_from_this();
  made.amount_ = amount;
  return made;
}

void Budget::settle(const Spending& reserved, const Spending& used) {
  for (Budget* budget = this; budget != nullptr; budget = budget->parent_.get()) {
    const std::lock_guard lock(budget->mutex_);
    budget->reserved_ -= reserved;
    budget->spent_ += used;
    for (const Kind& kind : kKinds) {
      budget->overdrawn_.*kind.amount += std::max<std::int64_t>(0, used.*kind.amount - reserved.*kind.amount);
    }
  }
}

Status Budget::count_call(const std::string& tool, const std::string& arguments) {
  for (Budget* budget = this; budget != nullptr; budget = budget->parent_.get()) {
    if (!budget->limits_.identical_calls) continue;
    const std::lock_guard lock(budget->mutex_);
    const int count = ++budget->calls_[{tool, arguments}];
    if (count > *budget->limits_.identical_calls) {
      return fail(ErrorCode::kBudgetExceeded,
                  "tool '" + tool + "' was called " + std::to_string(count) + " times with the same arguments in '" +
                      budget->id_ + "'",
                  "the model goes in a circle; it gets this as the tool's answer");
    }
  }
  return {};
}

Status Budget::check_time() const {
  for (const Budget* budget = this; budget != nullptr; budget = budget->parent_.get()) {
    if (!budget->limits_.wall_time) continue;
    const Duration used = budget->clock_.monotonic_now() - budget->began_at_;
    if (used <= *budget->limits_.wall_time) continue;
    return fail(ErrorCode::kBudgetExceeded,
                "budget '" + budget->id_ + "' allows " + std::to_string(budget->limits_.wall_time->count() / 1000) +
                    " ms; " + std::to_string(used.count() / 1000) + " ms have passed",
                "raise its wall time (budget_wall_ms) or do less in one turn");
  }
  return {};
}

Spending Budget::spent() const {
  const std::lock_guard lock(mutex_);
  return spent_;
}

Spending Budget::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserved_;
}

std::optional<std::int64_t> Budget::tokens_left() const {
  std::optional<std::int64_t> least;
  for (const Budget* budget = this; budget != nullptr; budget = budget->parent_.get()) {
    if (!budget->limits_.tokens) continue;
    const std::lock_guard lock(budget->mutex_);
    const std::int64_t left =
        std::max<std::int64_t>(0, *budget->limits_.tokens - budget->reserved_.tokens - budget->spent_.tokens);
    least = least ? std::min(*least, left) : left;
  }
  return least;
}

void Budget::check_integrity() const {
  const std::lock_guard lock(mutex_);
  for (const Kind& kind : kKinds) {
    CHECK(reserved_.*kind.amount >= 0, "no more is released than was reserved");
    const std::optional<std::int64_t>& limit = limits_.*kind.limit;
    CHECK(!limit || reserved_.*kind.amount + spent_.*kind.amount <= *limit + overdrawn_.*kind.amount,
          "a budget is exceeded only by answers larger than their reservation");
  }
}

}  // namespace mnema
