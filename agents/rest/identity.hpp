// agents/rest/identity.hpp
//
// Authentication and authorisation of the REST API. Without configured keys everybody is the tenant "local" and may do
// everything (and the server is bound to loopback only); with keys, the key decides the tenant, whether its holder may
// name the end user, and by its roles whether it may read operational data and change it:
//
//   read      dead letters, /health?full, /metrics
//   operate   redrive and drop dead letters
//
// Neither role includes the other. The dead letters are those of the key's own tenant. A key of tenant "*" administers
// all tenants and belongs to none: it cannot chat.
//
// Threads: plain values and pure functions; an `ApiKeys` is immutable once the server has started.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/http/message.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

enum class KeyRole { kRead, kOperate };
/// "read", "operate"
[[nodiscard]] std::string_view name_of(KeyRole role);

struct KeyRoles {
  bool read = false;
  bool operate = false;
  [[nodiscard]] bool has(KeyRole role) const { return role == KeyRole::kRead ? read : operate; }
};

struct Identity {
  std::string tenant = "local";  // "" = none: the roles hold for all tenants, and there is nobody to chat as
  std::string key_name;          // for logs and limits; "" without keys
  bool may_assert_user = true;   // its requests may name the end user they are for
  KeyRoles roles{true, true};
  bool all_tenants = true;  // the roles hold for every tenant's dead letters
};

/// Errors: `kPermissionDenied`, naming the role and the setting that grants it.
[[nodiscard]] Status require_role(const Identity& identity, KeyRole role);
/// Fails unless the caller belongs to a tenant: whatever runs an agent needs one. Errors: `kPermissionDenied`.
[[nodiscard]] Status require_tenant(const Identity& identity);

/// The tenant of a key that administers all of them.
inline constexpr std::string_view kAllTenants = "*";

struct ApiKey {
  std::string name;
  Secret secret;
  std::string tenant = "local";  // or kAllTenants
  bool may_assert_user = false;
  KeyRoles roles;
};

class ApiKeys {
 public:
  ApiKeys() = default;
  explicit ApiKeys(std::vector<ApiKey> keys) : keys_(std::move(keys)) {}

  [[nodiscard]] bool empty() const { return keys_.empty(); }

  /// Whose request this is, by `Authorization: Bearer`. Every key is compared, in constant time.
  /// Errors: `kUnauthenticated`, with what to send.
  [[nodiscard]] Result<Identity> identify(const HttpHeaders& headers) const;

 private:
  std::vector<ApiKey> keys_;
};

}  // namespace mnema
