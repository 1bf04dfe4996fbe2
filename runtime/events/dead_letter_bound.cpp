#include "runtime/events/dead_letter_bound.hpp"

namespace mnema {

Status check_dead_letter_bound(const TenantCounts& dead, const std::string& tenant, const Limits& limits) {
  const std::int64_t count = dead.of(tenant);
  const bool tenant_full = count >= limits.dead_letters_per_tenant_max;
  const bool all_full = dead.total() >= limits.dead_letters_max && count > 0 && count * dead.tenants() >= dead.total();
  if (!tenant_full && !all_full) return {};
  return fail_retryable(ErrorCode::kResourceExhausted,
                        "tenant '" + tenant + "' has " + std::to_string(count) +
                            " dead letters and may send nothing new until some are redriven or dropped",
                        "see 'mnema dlq list', then 'mnema dlq redrive' or 'mnema dlq drop'",
                        limits.mailbox_retry_after_ms);
}

}  // namespace mnema
