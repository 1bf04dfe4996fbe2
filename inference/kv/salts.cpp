#include "inference/kv/salts.hpp"

namespace mnema::kv {
namespace {

Salt derive(const Sha256Digest& secret, std::initializer_list<std::string_view> names) {
  std::string message;
  for (std::string_view name : names) message.append(std::to_string(name.size())).append(":").append(name);
  return Salt{hmac_sha256({reinterpret_cast<const char*>(secret.data()), secret.size()}, message)};
}

}  // namespace

Salts::Salts(Random& random) { random.fill(secret_); }

ScopeSalts Salts::of(const Scope& scope) const {
  ScopeSalts salts;
  salts.everybody = derive(secret_, {"public"});
  salts.tenant = derive(secret_, {"tenant", scope.tenant});
  salts.user = scope.user.empty() ? derive(secret_, {"session", scope.tenant, scope.agent, scope.session})
                                  : derive(secret_, {"user", scope.tenant, scope.user});
  return salts;
}

}  // namespace mnema::kv
