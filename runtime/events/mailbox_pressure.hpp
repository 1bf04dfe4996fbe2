// runtime/events/mailbox_pressure.hpp
//
// Which parts of the mailbox are near their bound: the whole, and each tenant's. High from
// `limits.source_pause_percent` of the bound on, and until it is below `limits.source_resume_percent`, so that a source
// is not paused and resumed with every event.
//
// Threads:   confined to the mailbox's home executor; the listener runs there, or inside `listen`.
// Ownership: borrows the limits.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "runtime/base/limits.hpp"

namespace mnema {

class MailboxPressure {
 public:
  explicit MailboxPressure(const Limits& limits) : limits_(limits) {}

  /// Called with each change. No tenant: of the whole mailbox.
  using Listener = std::function<void(const std::optional<std::string>& tenant, bool is_high)>;
  /// What is high already is reported at once.
  void listen(Listener listener);

  void update_whole(std::int64_t rows);
  /// `is_refused`: nothing new of this tenant is accepted, however few rows it has.
  void update_tenant(const std::string& tenant, std::int64_t rows, bool is_refused);

  /// A copy, so that they can be updated on the way.
  [[nodiscard]] std::set<std::string> high_tenants() const { return tenants_; }

 private:
  /// Whether `rows` are high, given that they are or are not so far.
  [[nodiscard]] bool is_high(bool so_far, std::int64_t rows, std::int64_t rows_max) const;
  void report(const std::optional<std::string>& tenant, bool is_high) const;

  const Limits& limits_;
  Listener listener_;
  bool whole_ = false;
  std::set<std::string> tenants_;
};

}  // namespace mnema
