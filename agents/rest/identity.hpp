// agents/rest/identity.hpp
//
// Who calls the REST API. Without configured keys everybody is the tenant "local" (and the server is bound to
// loopback only); with keys, the key decides the tenant, and whether its holder may speak for end users.
//
// Threads: plain values and pure functions; an `ApiKeys` is immutable once the server has started.
#pragma once

#include <string>
#include <vector>

#include "connectors/http/message.hpp"
#include "runtime/result.hpp"
#include "runtime/secret.hpp"

namespace mnema {

struct Identity {
  std::string tenant = "local";
  std::string key_name;         // for logs and limits; "" without keys
  bool may_assert_user = true;  // its requests may name the end user they are for
};

struct ApiKey {
  std::string name;
  Secret secret;
  std::string tenant = "local";
  bool may_assert_user = false;
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
