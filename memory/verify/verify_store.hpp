// memory/verify/verify_store.hpp
//
// Looks a tenant's rows through: whether entries have their words and vectors or wait for them, and whether the chains
// of its threads hold. What the indexes in memory hold is for the index keeper to compare.
//
// Threads: inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/scope_store.hpp"
#include "memory/verify/verified_tenant.hpp"
#include "runtime/store/database.hpp"

namespace mnema::verify_store {

struct NumberedTenant {
  TenantId id = 0;
  std::string name;
};
/// All, or the one of that name.
[[nodiscard]] Result<std::vector<NumberedTenant>> tenants(Transaction& transaction, const std::string& name);
/// `embedder`: that runs; its entries' vectors count, and are demanded if `dimensions` > 0.
[[nodiscard]] Result<VerifiedTenant> verify(Transaction& transaction, const NumberedTenant& tenant,
                                            const std::string& embedder, int dimensions, int attempts_max);
/// Words without an entry go, and all others are to be made again.
[[nodiscard]] Status outdate_words(Transaction& transaction, const NumberedTenant& tenant);

}  // namespace mnema::verify_store
