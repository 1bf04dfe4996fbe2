#include "runtime/events/mailbox_pressure.hpp"

#include <utility>

namespace mnema {

void MailboxPressure::listen(Listener listener) {
  listener_ = std::move(listener);
  if (whole_) report(std::nullopt, true);
  for (const std::string& tenant : tenants_) report(tenant, true);
}

bool MailboxPressure::is_high(bool so_far, std::int64_t rows, std::int64_t rows_max) const {
  const int percent = so_far ? limits_.source_resume_percent : limits_.source_pause_percent;
  return static_cast<double>(rows) * 100 >= static_cast<double>(rows_max) * percent;
}

void MailboxPressure::update_whole(std::int64_t rows) {
  const bool high = is_high(whole_, rows, limits_.mailbox_rows_max);
  if (std::exchange(whole_, high) != high) report(std::nullopt, high);
}

void MailboxPressure::update_tenant(const std::string& tenant, std::int64_t rows, bool is_refused) {
  const bool was = tenants_.contains(tenant);
  const bool high = is_refused || is_high(was, rows, limits_.mailbox_rows_per_tenant_max);
  if (high == was) return;
  if (high) {
    tenants_.insert(tenant);
  } else {
    tenants_.erase(tenant);
  }
  report(tenant, high);
}

void MailboxPressure::report(const std::optional<std::string>& tenant, bool is_high) const {
  if (listener_) listener_(tenant, is_high);
}

}  // namespace mnema
