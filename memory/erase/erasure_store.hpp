// memory/erase/erasure_store.hpp
//
// Erasures as rows: the request is on disk before anything goes, so a crash never leaves one half done for good, and
// what has gone is counted in the unit of work that erased it. Finished ones stay: they are the receipts.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/erase/erasure.hpp"
#include "runtime/store/database.hpp"

namespace mnema::erasure_store {

/// Returns the id.
[[nodiscard]] Result<std::int64_t> add(Transaction& transaction, const EraseTarget& target, Time now);
/// `tenant`: whose it must be; empty: anybody's. Errors: `kNotFound`.
[[nodiscard]] Result<Erasure> find(Transaction& transaction, std::int64_t id, const std::string& tenant);
/// The newest first; `tenant` as above.
[[nodiscard]] Result<std::vector<Erasure>> list(Transaction& transaction, const std::string& tenant, int count_max);
/// The oldest first.
[[nodiscard]] Result<std::vector<std::int64_t>> unfinished(Transaction& transaction);

/// It stands at `part` now, and `counts` more rows have gone.
[[nodiscard]] Status advance(Transaction& transaction, std::int64_t id, const std::string& part,
                             const EraseCounts& counts);
/// It waits; an empty list: not any more.
[[nodiscard]] Status set_pending(Transaction& transaction, std::int64_t id, const std::vector<std::string>& pending);
[[nodiscard]] Status finish(Transaction& transaction, std::int64_t id, Time now);

}  // namespace mnema::erasure_store
