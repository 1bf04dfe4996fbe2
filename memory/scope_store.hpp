// memory/scope_store.hpp
//
// Tenants and scopes as numbers, and the one place that says which scopes a query may see.
//
// Threads: each function inside a unit of work, or inside Database::read where it says so.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/scope.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

using TenantId = std::int64_t;
using ScopeId = std::int64_t;

struct ScopeKey {
  TenantId tenant = 0;
  ScopeId scope = 0;
};

/// The scopes one asker may see, at most eight: {agent or all} x {user or all} x {session or all}.
struct VisibleScopes {
  TenantId tenant = 0;
  std::vector<ScopeId> scopes;  // sorted

  [[nodiscard]] bool nothing() const { return scopes.empty(); }
  [[nodiscard]] bool contains(ScopeId scope) const;
  /// For the eight places of "scope_id IN (?, ?, ?, ?, ?, ?, ?, ?)": padded with a number no scope has.
  [[nodiscard]] std::array<ScopeId, 8> padded() const;
};

namespace scope_store {

/// The numbers of `scope`, made on first use. Errors: `kInvalidArgument` (no tenant), `kStorage`.
[[nodiscard]] Result<ScopeKey> intern(Transaction& transaction, const Scope& scope);

/// Also to read with. Errors: `kStorage`.
[[nodiscard]] Result<std::optional<TenantId>> find_tenant(Transaction& transaction, const std::string& tenant);
/// Also to read with. Without such a tenant: nothing is visible.
[[nodiscard]] Result<VisibleScopes> visible_to(Transaction& transaction, const Scope& asker);
/// Also to read with. Errors: `kNotFound`.
[[nodiscard]] Result<Scope> scope_of(Transaction& transaction, ScopeId scope);

}  // namespace scope_store
}  // namespace mnema
