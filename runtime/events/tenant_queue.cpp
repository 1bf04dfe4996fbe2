#include "runtime/events/tenant_queue.hpp"

#include "runtime/base/check.hpp"

namespace mnema {

TenantQueue::TenantQueue(Duration ageing, int out_per_tenant_max)
    : ageing_(ageing), out_per_tenant_max_(out_per_tenant_max) {
  CHECK(out_per_tenant_max_ >= 1, "a tenant may have at least one row out");
}

TenantQueue::Tenant* TenantQueue::owner_of(RowId id) const {
  const auto found = owners_.find(id);
  return found == owners_.end() ? nullptr : found->second;
}

/// Brings everything that is kept about a tenant in line with its queue, after each change of that.
void TenantQueue::refresh(Tenant& tenant) {
  const LaneQueue& queue = tenant.queue;
  rows_ += queue.rows() - std::exchange(tenant.rows, queue.rows());
  out_ += queue.out() - std::exchange(tenant.out, queue.out());
  waiting_ += queue.waiting() - std::exchange(tenant.waiting, queue.waiting());

  const bool may_run = queue.out() < out_per_tenant_max_;
  if (const bool in_round = may_run && queue.has_ready(); in_round != tenant.in_round) {
    tenant.in_round = in_round;
    if (in_round)
      tenant.place = round_.insert(round_.end(), &tenant);
    else
      round_.erase(tenant.place);
  }
  if (const std::optional<Time> due = may_run ? queue.next_at() : std::nullopt; due != tenant.due) {
    if (tenant.due) due_.erase({*tenant.due, tenant.number});
    if (due) due_.emplace(std::pair(*due, tenant.number), &tenant);
    tenant.due = due;
  }
  if (queue.rows() == 0) tenants_.erase(std::string(tenant.name));
}

TenantQueue::Tenant& TenantQueue::tenant_of(const std::string& name) {
  std::unique_ptr<Tenant>& slot = tenants_[name];
  if (!slot) slot = std::make_unique<Tenant>(name, ++last_number_, ageing_);
  return *slot;
}

void TenantQueue::add(const std::string& name, const std::string& lane, const Row& row, const Gather* gather) {
  Tenant& tenant = tenant_of(name);
  tenant.queue.add(lane, row, gather);
  if (row.not_before > Time{}) owners_[row.id] = &tenant;
  refresh(tenant);
}

void TenantQueue::add_aside(const std::string& name, const std::string& lane, const Row& row, const Gather* gather) {
  Tenant& tenant = tenant_of(name);
  tenant.queue.add_aside(lane, row, gather);
  owners_[row.id] = &tenant;
  refresh(tenant);
}

std::optional<TenantQueue::Taken> TenantQueue::take(Time now) {
  while (!due_.empty() && due_.begin()->first.first <= now) {
    Tenant& tenant = *due_.begin()->second;
    tenant.queue.wake_due(now);
    refresh(tenant);
  }
  if (round_.empty()) return std::nullopt;
  Tenant& tenant = *round_.front();
  round_.splice(round_.end(), round_, tenant.place);
  std::optional<Taken> taken = tenant.queue.take(now);
  CHECK(taken.has_value(), "a tenant of the round has a row to dispatch");
  taken->tenant = tenant.name;
  for (const Row& other : taken->others) owners_.erase(other.id);
  owners_[taken->row.id] = &tenant;
  refresh(tenant);
  return taken;
}

bool TenantQueue::finish(RowId id) {
  Tenant* tenant = owner_of(id);
  if (tenant == nullptr || !tenant->queue.finish(id)) return false;
  owners_.erase(id);
  refresh(*tenant);
  return true;
}

bool TenantQueue::is_out(RowId id) const {
  const Tenant* tenant = owner_of(id);
  return tenant != nullptr && tenant->queue.is_out(id);
}

bool TenantQueue::requeue(RowId id, Time not_before) {
  Tenant* tenant = owner_of(id);
  if (tenant == nullptr || !tenant->queue.put_back(id, not_before)) return false;
  refresh(*tenant);
  return true;
}

bool TenantQueue::set_aside(RowId id, Time not_before) {
  Tenant* tenant = owner_of(id);
  if (tenant == nullptr || !tenant->queue.set_aside(id, not_before)) return false;
  refresh(*tenant);
  return true;
}

std::optional<TenantQueue::Row> TenantQueue::remove(const std::string& name, const std::string& lane, RowId id) {
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return std::nullopt;
  const std::optional<Row> removed = found->second->queue.remove(lane, id);
  if (!removed) return std::nullopt;
  owners_.erase(id);
  refresh(*found->second);
  return removed;
}

std::vector<TenantQueue::RowId> TenantQueue::thin(const std::string& name, const std::string& lane) {
  const auto found = tenants_.find(name);
  if (found == tenants_.end()) return {};
  std::vector<RowId> thinned = found->second->queue.thin(lane);
  if (!thinned.empty()) refresh(*found->second);
  return thinned;
}

bool TenantQueue::wake(RowId id) {
  Tenant* tenant = owner_of(id);
  if (tenant == nullptr || !tenant->queue.wake(id)) return false;
  refresh(*tenant);
  return true;
}

std::optional<Time> TenantQueue::next_at() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first.first;
}

std::int64_t TenantQueue::rows_of(const std::string& tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? 0 : found->second->queue.rows();
}

std::int64_t TenantQueue::rows_in(const std::string& tenant, const std::string& lane) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? 0 : found->second->queue.rows_in(lane);
}

std::size_t TenantQueue::lanes() const {
  std::size_t lanes = 0;
  for (const auto& [name, tenant] : tenants_) lanes += tenant->queue.lanes();
  return lanes;
}

std::optional<Time> TenantQueue::oldest_since() const {
  std::optional<Time> oldest;
  for (const auto& [name, tenant] : tenants_) {
    const std::optional<Time> since = tenant->queue.oldest_since();
    if (since && (!oldest || *since < *oldest)) oldest = since;
  }
  return oldest;
}

void TenantQueue::check_integrity() const {
  std::int64_t rows = 0;
  std::int64_t out = 0;
  std::int64_t waiting = 0;
  std::size_t in_round = 0;
  std::size_t due = 0;
  for (const auto& [name, tenant] : tenants_) {
    const LaneQueue& queue = tenant->queue;
    queue.check_integrity();
    CHECK(queue.rows() > 0, "a tenant without rows is forgotten");
    CHECK(queue.out() <= out_per_tenant_max_, "no tenant has more rows out than it may");
    const bool may_run = queue.out() < out_per_tenant_max_;
    CHECK(tenant->in_round == (may_run && queue.has_ready()), "in the round is who has a row to dispatch");
    CHECK(tenant->due == (may_run ? queue.next_at() : std::nullopt), "the next time of a tenant is known");
    rows += queue.rows();
    out += queue.out();
    waiting += queue.waiting();
    in_round += tenant->in_round ? 1 : 0;
    due += tenant->due ? 1 : 0;
  }
  CHECK(rows == rows_ && out == out_ && waiting == waiting_, "the tenants' rows add up");
  CHECK(in_round == round_.size() && due == due_.size(), "nobody else stands in the round or waits for a time");
  CHECK(static_cast<std::int64_t>(owners_.size()) <= rows_, "only rows that are there have an owner");
}

}  // namespace mnema
