// memory/semantic/fact_store.hpp
//
// Claims and facts as rows. A claim is evidence and belongs to its episode; the facts and conflicts of a key (scope,
// subject, predicate) are what derive.hpp makes of the key's claims, written again whenever one comes or goes.
// Claims of episodes that lie on an abandoned branch of a chat (branch_store.hpp) stay, and do not count.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "memory/scope_store.hpp"
#include "memory/semantic/fact.hpp"
#include "runtime/store/database.hpp"

namespace mnema::fact_store {

struct FactKey {
  ScopeId scope = 0;
  std::string subject;  // folded
  std::string predicate;

  auto operator<=>(const FactKey&) const = default;
};

/// Puts `claims` in the place of those that the episode had. Subjects like "user's sister" become the one sister that
/// is known by name; a correction without a predicate takes that of what it corrects, or is dropped. Returns the keys
/// whose facts are to be derived again.
[[nodiscard]] Result<std::set<FactKey>> put_claims(Transaction& transaction, ScopeId scope, EpisodeId episode,
                                                   std::vector<Claim> claims);
/// Takes the episode's claims away. Returns as `put_claims`.
[[nodiscard]] Result<std::set<FactKey>> remove_claims(Transaction& transaction, EpisodeId episode);
/// Of the episodes from `first` to `last` those that have claims.
[[nodiscard]] Result<std::set<EpisodeId>> with_claims(Transaction& transaction, EpisodeId first, EpisodeId last);
/// The keys of an episode's claims.
[[nodiscard]] Result<std::set<FactKey>> keys_of(Transaction& transaction, EpisodeId episode);

/// Writes the facts and conflicts of these keys again. Returns how many rows it read and wrote.
[[nodiscard]] Result<int> derive(Transaction& transaction, const std::set<FactKey>& keys, const FactLimits& limits);

/// What `query` asks, of `visible` scopes. `now`: where the query names no time.
[[nodiscard]] Result<Facts> find(Transaction& transaction, const VisibleScopes& visible, const FactQuery& query,
                                 Time now, const FactLimits& limits);
/// By subject and predicate; at most `count_max`.
[[nodiscard]] Result<std::vector<FactConflict>> conflicts(Transaction& transaction, const VisibleScopes& visible,
                                                          int count_max);
/// Every scope of a tenant, for who administers it; with `user`, that user's.
[[nodiscard]] Result<VisibleScopes> scopes_of(Transaction& transaction, const std::string& tenant,
                                              const std::optional<std::string>& user);

struct Counts {
  std::int64_t claims = 0;
  std::int64_t facts = 0;
  std::int64_t conflicts = 0;
};
[[nodiscard]] Result<Counts> counts(Transaction& transaction);

/// The rows of facts and conflicts are what their claims give. Errors: `kCorrupt`.
[[nodiscard]] Status check_integrity(Transaction& transaction, const FactLimits& limits);

}  // namespace mnema::fact_store
