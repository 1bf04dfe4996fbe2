#include "connectors/http/body_budget.hpp"

#include "runtime/base/check.hpp"

namespace mnema {

BodyBudget::~BodyBudget() { CHECK(leases_.empty(), "a budget outlives its leases"); }

std::unique_ptr<BodyBudget::Lease> BodyBudget::open() {
  std::unique_ptr<Lease> lease(new Lease(*this));
  const std::scoped_lock lock(mutex_);
  leases_.insert(lease.get());
  return lease;
}

BodyBudget::Lease::~Lease() {
  const std::scoped_lock lock(budget_.mutex_);
  budget_.used_ -= bytes_;
  budget_.leases_.erase(this);
}

bool BodyBudget::Lease::grow_to(std::int64_t bytes) {
  const std::scoped_lock lock(budget_.mutex_);
  const std::int64_t more = bytes - bytes_;
  const std::int64_t bound =
      bytes <= kSmallBodyBytes ? budget_.bytes_max_ : budget_.bytes_max_ - budget_.bytes_max_ / 8;
  if (more > 0 && budget_.used_ + more > bound) return false;
  budget_.used_ += more;
  bytes_ = bytes;
  return true;
}

std::int64_t BodyBudget::bytes_used() const {
  const std::scoped_lock lock(mutex_);
  return used_;
}

void BodyBudget::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  std::int64_t sum = 0;
  for (const Lease* lease : leases_) sum += lease->bytes_;
  CHECK(sum == used_, "the bytes in use are those of the leases");
  CHECK(used_ >= 0 && used_ <= bytes_max_, "bodies stay within http_bodies_bytes_max");
}

}  // namespace mnema
