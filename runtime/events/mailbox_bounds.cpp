#include "runtime/events/mailbox_bounds.hpp"

#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/dead_letter_bound.hpp"

namespace mnema {
namespace {

bool is_well_below(std::int64_t rows, std::int64_t rows_max) { return rows * 10 < rows_max * 9; }

}  // namespace

Error MailboxBounds::full(const std::string& what, std::int64_t rows_max) const {
  return fail_retryable(ErrorCode::kMailboxFull, what + " (" + std::to_string(rows_max) + " events)",
                        "try again in " + std::to_string(limits_.mailbox_retry_after_ms) + " ms",
                        limits_.mailbox_retry_after_ms);
}

void MailboxBounds::note_refusal(std::set<std::string>& refused, const std::string& tenant, const Error& why) {
  if (!refused.insert(tenant).second) return;
  log_warning("mailbox", "events are refused", {{"tenant", tenant}, {"why", why.text()}});
}

Status MailboxBounds::check(const std::string& tenant, const std::string& lane) {
  if (is_full()) {
    const Error why = full("the mailbox is full", limits_.mailbox_rows_max);
    if (!std::exchange(all_refused_, true)) log_warning("mailbox", "all events are refused", {{"why", why.text()}});
    return why;
  }
  if (rows_of(tenant) >= limits_.mailbox_rows_per_tenant_max) {
    const Error why = full("the mailbox of tenant '" + tenant + "' is full", limits_.mailbox_rows_per_tenant_max);
    note_refusal(refused_rows_, tenant, why);
    return why;
  }
  if (Status bound = check_dead_letter_bound(dead, tenant, limits_); !bound.ok()) {
    Error why = bound.error();
    why.code = ErrorCode::kMailboxFull;
    note_refusal(refused_dead_letters_, tenant, why);
    look_at(tenant);
    return why;
  }
  std::int64_t in_lane = queue_.rows_in(tenant, lane);
  if (const auto lanes = arriving_in_.find(tenant); lanes != arriving_in_.end()) {
    if (const auto coming = lanes->second.find(lane); coming != lanes->second.end()) in_lane += coming->second;
  }
  if (in_lane < limits_.mailbox_rows_per_key_max) return {};
  return full("the mailbox of this agent key is full", limits_.mailbox_rows_per_key_max);
}

void MailboxBounds::begin_arrival(const std::string& tenant, const std::string& lane) {
  arriving_.add(tenant, 1);
  ++arriving_in_[tenant][lane];
  note_rows(tenant);
}

void MailboxBounds::note_rows(const std::string& tenant) {
  pressure_.update_whole(rows());
  look_at(tenant);
}

void MailboxBounds::look_at(const std::string& tenant) {
  pressure_.update_tenant(tenant, rows_of(tenant), refused_dead_letters_.contains(tenant));
}

void MailboxBounds::end_arrival(const std::string& tenant, const std::string& lane) {
  arriving_.add(tenant, -1);
  const auto lanes = arriving_in_.find(tenant);
  CHECK(lanes != arriving_in_.end() && lanes->second[lane] > 0, "what ends to arrive has begun to");
  if (--lanes->second[lane] == 0) lanes->second.erase(lane);
  if (lanes->second.empty()) arriving_in_.erase(lanes);
}

void MailboxBounds::look_for_capacity() {
  if (all_refused_ && is_well_below(rows(), limits_.mailbox_rows_max)) {
    all_refused_ = false;
    log_info("mailbox", "events are accepted again");
  }
  const auto take_out = [](std::set<std::string>& refused, const auto& has_capacity) {
    std::erase_if(refused, [&](const std::string& tenant) {
      if (!has_capacity(tenant)) return false;
      log_info("mailbox", "events are accepted again", {{"tenant", tenant}});
      return true;
    });
  };
  take_out(refused_rows_, [this](const std::string& tenant) {
    return is_well_below(rows_of(tenant), limits_.mailbox_rows_per_tenant_max);
  });
  take_out(refused_dead_letters_, [this](const std::string& tenant) {
    return is_well_below(dead.of(tenant), limits_.dead_letters_per_tenant_max) &&
           check_dead_letter_bound(dead, tenant, limits_).ok();
  });
  pressure_.update_whole(rows());
  for (const std::string& tenant : pressure_.high_tenants()) look_at(tenant);
}

void MailboxBounds::check_integrity() const {
  dead.check_integrity();
  arriving_.check_integrity();
  std::int64_t in_lanes = 0;
  for (const auto& [tenant, lanes] : arriving_in_) {
    for (const auto& [lane, count] : lanes) in_lanes += count;
  }
  CHECK(in_lanes == arriving_.total(), "arriving by lane and by tenant add up to the same");
}

}  // namespace mnema
