// inference/kv/salts.hpp
//
// Whose KV pages are whose. A page is found only by its key, and its key holds a salt: one for everybody, one per
// tenant, one per user. The salts are derived from a secret that is drawn here and never leaves, so nobody can name
// another's page, and a request cannot bring a salt of its own.
//
// A prompt's chain of pages goes public → tenant → user and never back: once a token belongs to a user, all that is
// computed after it does, because it depends on it. A page that straddles a border takes the stricter side.
//
// Threads: immutable after construction; any thread.
#pragma once

#include "inference/kv/page.hpp"
#include "inference/request.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/scope.hpp"

namespace mnema::kv {

/// Where a sequence stops being everybody's and where it stops being the tenant's: token positions, rising.
struct SharingBorders {
  int public_until = 0;
  int tenant_until = 0;

  [[nodiscard]] Sharing at(int position) const {
    if (position < public_until) return Sharing::kPublic;
    return position < tenant_until ? Sharing::kTenant : Sharing::kUser;
  }
  bool operator==(const SharingBorders&) const = default;
};

/// The three salts that one scope's sequences use.
struct ScopeSalts {
  Salt everybody, tenant, user;
  [[nodiscard]] const Salt& of(Sharing sharing) const {
    return sharing == Sharing::kPublic ? everybody : sharing == Sharing::kTenant ? tenant : user;
  }
  [[nodiscard]] Owner owner_of(Sharing sharing) const {
    return {of(sharing), sharing == Sharing::kPublic ? everybody : tenant};
  }
};

class Salts {
 public:
  explicit Salts(Random& random);

  /// Without a user the session stands in for one; without either, whoever is anonymous in the tenant.
  [[nodiscard]] ScopeSalts of(const Scope& scope) const;

 private:
  Sha256Digest secret_;
};

}  // namespace mnema::kv
