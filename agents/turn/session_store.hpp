// agents/turn/session_store.hpp
//
// Where sessions and the states of agents are kept: typed functions over a transaction, so that they commit together
// with everything else a turn did.
//
// Threads: each function inside a unit of work of the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agents/turn/session.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// The migrations of component "agents".
[[nodiscard]] std::vector<Migration> agent_migrations();

/// Errors: `kCorrupt` for a row that is not ours, `kStorage`.
[[nodiscard]] Result<std::optional<SessionMemo>> find_session(Transaction& transaction, const std::string& digest);

/// Remembers `memo` under `digest`. A digest that another session holds becomes nobody's; what was laid out stays only
/// if it was the same for both. Forgotten are, of this session, all but the newest few (a talk may be taken up again a
/// few answers back), of this tenant, those used longest ago beyond `limits.session_memos_per_tenant_max`, and of all,
/// those beyond `limits.session_memos_max`. A text longer than `limits.session_memo_bytes_max` is not kept: the session
/// then goes on from what the client sends.
[[nodiscard]] Status put_session(Transaction& transaction, const std::string& digest, const Scope& scope,
                                 const SessionMemo& memo, Time now, const Limits& limits);

/// The state of one agent under one key, as JSON text.
struct StoredState {
  int version = 1;
  std::string json;
  std::int64_t revision = 0;                      // which writing of it this is; 0 = none was found
  std::optional<Time> expires_at = std::nullopt;  // none: it is kept until somebody erases it
};
[[nodiscard]] Result<std::optional<StoredState>> find_state(Transaction& transaction, const std::string& tenant,
                                                            const std::string& agent, const std::string& key);
/// Writes over exactly the revision that `state` names. Errors: `kAborted`, retryable (another turn, a chat beside an
/// event, wrote meanwhile).
[[nodiscard]] Status put_state(Transaction& transaction, const std::string& tenant, const std::string& agent,
                               const std::string& key, const StoredState& state, Time now);
/// Removes states that expired before `now`, at most `states_max`. How many went.
[[nodiscard]] Result<int> expire_states(Transaction& transaction, Time now, int states_max);

}  // namespace mnema
