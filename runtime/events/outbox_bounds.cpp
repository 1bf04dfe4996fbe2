#include "runtime/events/outbox_bounds.hpp"

#include "runtime/events/dead_letter_bound.hpp"

namespace mnema {
namespace {

Status never_left(Error error) {
  error.never_left = true;
  return error;
}

Error full(const std::string& whose, std::int64_t rows_max) {
  return fail_retryable(ErrorCode::kResourceExhausted,
                        whose + " is full (" + std::to_string(rows_max) + " messages wait to be delivered)",
                        "see which destination does not take them");
}

}  // namespace

Status OutboxBounds::check(const std::string& tenant) const {
  const std::lock_guard guard(mutex_);
  if (living_.total() >= limits_.outbox_rows_max) return never_left(full("the outbox", limits_.outbox_rows_max));
  if (living_.of(tenant) >= limits_.outbox_rows_per_tenant_max) {
    return never_left(full("the outbox of tenant '" + tenant + "'", limits_.outbox_rows_per_tenant_max));
  }
  const Status bound = check_dead_letter_bound(dead_, tenant, limits_);
  return bound.ok() ? bound : never_left(bound.error());
}

void OutboxBounds::add(const std::string& tenant, int living, int dead) {
  const std::lock_guard guard(mutex_);
  living_.add(tenant, living);
  dead_.add(tenant, dead);
}

std::int64_t OutboxBounds::living() const {
  const std::lock_guard guard(mutex_);
  return living_.total();
}

std::int64_t OutboxBounds::dead() const {
  const std::lock_guard guard(mutex_);
  return dead_.total();
}

}  // namespace mnema
