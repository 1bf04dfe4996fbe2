#include "memory/scope_store.hpp"

#include <algorithm>

namespace mnema {

bool VisibleScopes::contains(ScopeId scope) const { return std::binary_search(scopes.begin(), scopes.end(), scope); }

std::array<ScopeId, 8> VisibleScopes::padded() const {
  std::array<ScopeId, 8> places;
  places.fill(-1);
  std::copy_n(scopes.begin(), std::min(scopes.size(), places.size()), places.begin());
  return places;
}

namespace scope_store {
namespace {

Result<std::optional<ScopeId>> find(Transaction& transaction, TenantId tenant, const std::string& agent,
                                    const std::string& user, const std::string& session) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT scope_id FROM memory_scopes"
                                       " WHERE tenant_id = ?1 AND agent = ?2 AND user = ?3 AND session = ?4"));
  select.bind(1, tenant).bind(2, std::string_view(agent)).bind(3, std::string_view(user));
  select.bind(4, std::string_view(session));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return std::optional<ScopeId>();
  return std::optional<ScopeId>(select.integer(0));
}

}  // namespace

Result<std::optional<TenantId>> find_tenant(Transaction& transaction, const std::string& tenant) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT tenant_id FROM memory_tenants WHERE name = ?1"));
  select.bind(1, std::string_view(tenant));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return std::optional<TenantId>();
  return std::optional<TenantId>(select.integer(0));
}

Result<ScopeKey> intern(Transaction& transaction, const Scope& scope) {
  if (scope.tenant.empty()) {
    return fail(ErrorCode::kInvalidArgument, "memory needs to know whose it is: the scope names no tenant");
  }
  ScopeKey key;
  ASSIGN_OR_RETURN(const std::optional<TenantId> tenant, find_tenant(transaction, scope.tenant));
  if (tenant) {
    key.tenant = *tenant;
  } else {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_tenants (name, text_format) VALUES (?1, '')"));
    RETURN_IF_ERROR(insert.bind(1, std::string_view(scope.tenant)).run());
    key.tenant = transaction.last_insert_rowid();
  }
  ASSIGN_OR_RETURN(const std::optional<ScopeId> known,
                   find(transaction, key.tenant, scope.agent, scope.user, scope.session));
  if (known) {
    key.scope = *known;
    return key;
  }
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_scopes (tenant_id, agent, user, session)"
                                                         " VALUES (?1, ?2, ?3, ?4)"));
  insert.bind(1, key.tenant).bind(2, std::string_view(scope.agent)).bind(3, std::string_view(scope.user));
  RETURN_IF_ERROR(insert.bind(4, std::string_view(scope.session)).run());
  key.scope = transaction.last_insert_rowid();
  return key;
}

Result<VisibleScopes> visible_to(Transaction& transaction, const Scope& asker) {
  VisibleScopes visible;
  ASSIGN_OR_RETURN(const std::optional<TenantId> tenant, find_tenant(transaction, asker.tenant));
  if (!tenant) return visible;
  visible.tenant = *tenant;
  const std::string everybody;
  for (const std::string* agent : {&everybody, &asker.agent}) {
    for (const std::string* user : {&everybody, &asker.user}) {
      for (const std::string* session : {&everybody, &asker.session}) {
        ASSIGN_OR_RETURN(const std::optional<ScopeId> scope, find(transaction, *tenant, *agent, *user, *session));
        if (scope) visible.scopes.push_back(*scope);
      }
    }
  }
  std::sort(visible.scopes.begin(), visible.scopes.end());
  // An asker without agent, user or session asks for "all" twice.
  visible.scopes.erase(std::unique(visible.scopes.begin(), visible.scopes.end()), visible.scopes.end());
  return visible;
}

Result<Scope> scope_of(Transaction& transaction, ScopeId scope) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT t.name, s.agent, s.user, s.session FROM memory_scopes s"
                                       " JOIN memory_tenants t USING (tenant_id) WHERE s.scope_id = ?1"));
  select.bind(1, scope);
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return fail(ErrorCode::kNotFound, "memory has no scope " + std::to_string(scope));
  return Scope{select.text(0), select.text(1), select.text(2), select.text(3)};
}

}  // namespace scope_store
}  // namespace mnema
