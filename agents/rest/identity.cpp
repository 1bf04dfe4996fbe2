#include "agents/rest/identity.hpp"

namespace mnema {

std::string_view name_of(KeyRole role) { return role == KeyRole::kRead ? "read" : "operate"; }

Status require_role(const Identity& identity, KeyRole role) {
  if (identity.roles.has(role)) return {};
  const std::string name(name_of(role));
  return fail(ErrorCode::kPermissionDenied, "the key '" + identity.key_name + "' does not have the role '" + name + "'",
              "use a key that has it, or add it: [server.keys." + identity.key_name + "] roles = [\"" + name + "\"]");
}

Status require_tenant(const Identity& identity) {
  if (!identity.tenant.empty()) return {};
  return fail(ErrorCode::kPermissionDenied,
              "the key '" + identity.key_name + "' is for administration and belongs to no tenant",
              "use a key of the tenant that shall be served");
}

Result<Identity> ApiKeys::identify(const HttpHeaders& headers) const {
  if (keys_.empty()) return Identity{};
  std::string_view given = headers.get("authorization");
  if (given.size() < 7 || !equal_ignoring_case(given.substr(0, 7), "Bearer ")) {
    return fail(ErrorCode::kUnauthenticated, "this server asks for a key", "send it as \"Authorization: Bearer KEY\"");
  }
  given.remove_prefix(7);
  const ApiKey* match = nullptr;
  for (const ApiKey& key : keys_) {
    // A key that could not be read is empty and must open to nobody.
    if (!key.secret.empty() && equal_in_constant_time(given, key.secret.reveal())) match = &key;
  }
  if (match == nullptr) {
    return fail(ErrorCode::kUnauthenticated, "the key is not one of this server's",
                "check the key and where it is sent");
  }
  const bool all_tenants = match->tenant == kAllTenants;
  return Identity{all_tenants ? "" : match->tenant, match->name, match->may_assert_user, match->roles, all_tenants};
}

}  // namespace mnema
