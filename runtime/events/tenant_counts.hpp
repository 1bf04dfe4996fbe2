// runtime/events/tenant_counts.hpp
//
// How many of something each tenant has, and all of them together.
//
// Threads:   confined to its owner's thread, or guarded by its owner's mutex.
// Invariant: the tenants' counts add up to the total; a tenant with none is forgotten   (check_integrity)
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "runtime/base/check.hpp"

namespace mnema {

class TenantCounts {
 public:
  void add(const std::string& tenant, std::int64_t count) {
    if (count == 0) return;
    total_ += count;
    const auto entry = counts_.try_emplace(tenant, 0).first;
    entry->second += count;
    CHECK(entry->second >= 0, "no tenant has less than nothing");
    if (entry->second == 0) counts_.erase(entry);
  }
  [[nodiscard]] std::int64_t of(const std::string& tenant) const {
    const auto found = counts_.find(tenant);
    return found == counts_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::int64_t total() const { return total_; }
  /// Tenants that have any.
  [[nodiscard]] std::int64_t tenants() const { return static_cast<std::int64_t>(counts_.size()); }

  void check_integrity() const {
    std::int64_t sum = 0;
    for (const auto& [tenant, count] : counts_) {
      CHECK(count > 0, "a tenant with none is forgotten");
      sum += count;
    }
    CHECK(sum == total_, "the tenants' counts add up to the total");
  }

 private:
  std::unordered_map<std::string, std::int64_t> counts_;
  std::int64_t total_ = 0;
};

}  // namespace mnema
