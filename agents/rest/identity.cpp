#include "agents/rest/identity.hpp"

namespace mnema {

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
  return Identity{match->tenant, match->name, match->may_assert_user};
}

}  // namespace mnema
