// agents/session_store.hpp
//
// Where sessions and the states of agents are kept: typed functions over a transaction, so that they commit together
// with everything else a turn did.
//
// Threads: each function inside a unit of work of the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/session.hpp"
#include "runtime/clock.hpp"
#include "runtime/database.hpp"

namespace mnema {

/// The migrations of component "agents".
[[nodiscard]] std::vector<Migration> agent_migrations();

/// Errors: `kCorrupt` for a row that is not ours, `kStorage`.
[[nodiscard]] Result<std::optional<SessionMemo>> find_session(Transaction& transaction, const std::string& digest);

/// Remembers `memo` under `digest`, and forgets the memos used longest ago beyond `memos_max`.
[[nodiscard]] Status put_session(Transaction& transaction, const std::string& digest, const Scope& scope,
                                 const SessionMemo& memo, Time now, std::int64_t memos_max);

/// The state of one agent under one key, as JSON text.
struct StoredState {
  int version = 1;
  std::string json;
};
[[nodiscard]] Result<std::optional<StoredState>> find_state(Transaction& transaction, const std::string& tenant,
                                                            const std::string& agent, const std::string& key);
[[nodiscard]] Status put_state(Transaction& transaction, const std::string& tenant, const std::string& agent,
                               const std::string& key, const StoredState& state, Time now);

}  // namespace mnema
