#include "agents/turn/session_store.hpp"

#include "agents/convert.hpp"
#include "agents/message_json.hpp"

namespace mnema {
namespace {

/// Digests kept of one session. Each holds the talk up to it, so that keeping all would cost the square of its length.
constexpr int kMemosOfASession = 8;

}  // namespace

std::vector<Migration> agent_migrations() {
  return {{"agents", 1,
           R"sql(
CREATE TABLE agent_state (
  tenant TEXT NOT NULL,
  agent TEXT NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, agent, key)
) WITHOUT ROWID;

CREATE TABLE session_memo (
  digest BLOB PRIMARY KEY,
  tenant TEXT NOT NULL,
  agent TEXT NOT NULL,
  user TEXT NOT NULL,
  session TEXT NOT NULL,
  laid_out TEXT NOT NULL,
  used_at INTEGER NOT NULL
);
CREATE INDEX session_memo_by_use ON session_memo (used_at);
)sql"},
          {"agents", 2, "CREATE INDEX session_memo_by_session ON session_memo (tenant, session, used_at)"},
          {"agents", 3,
           R"sql(
ALTER TABLE agent_state ADD COLUMN expires_at INTEGER;
CREATE INDEX agent_state_by_expiry ON agent_state (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX session_memo_by_tenant ON session_memo (tenant, used_at);
)sql"},
          {"agents", 4, "ALTER TABLE session_memo ADD COLUMN last_episode INTEGER NOT NULL DEFAULT -1"}};
}

Result<std::optional<SessionMemo>> find_session(Transaction& transaction, const std::string& digest) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT session, laid_out, last_episode FROM session_memo WHERE digest = ?"));
  select.bind_blob(1, digest);
  ASSIGN_OR_RETURN(const bool found, select.step());
  if (!found) return std::optional<SessionMemo>();
  SessionMemo memo;
  memo.session = select.text(0);
  memo.last_episode = select.integer(2);
  ASSIGN_OR_RETURN(const boost::json::value json,
                   parse_bounded_json(select.text_view(1), "session " + memo.session, kWrittenByUs));
  auto messages = from_json<std::vector<Message>>(json, UnknownMembers::kIgnore);
  if (!messages.ok()) return fail(ErrorCode::kCorrupt, "session " + memo.session + ": " + messages.error().message);
  memo.laid_out = std::move(*messages);
  return std::optional<SessionMemo>(std::move(memo));
}

Status put_session(Transaction& transaction, const std::string& digest, const Scope& scope, const SessionMemo& memo,
                   Time now, const Limits& limits) {
  {
    ASSIGN_OR_RETURN(
        Statement insert,
        transaction.prepare("INSERT INTO session_memo (digest, tenant, agent, user, session, laid_out, used_at, "
                            "last_episode) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET "
                            "laid_out = CASE WHEN session = excluded.session THEN excluded.laid_out "
                            "WHEN laid_out = excluded.laid_out THEN laid_out ELSE '[]' END, "
                            "session = CASE WHEN session = excluded.session THEN session ELSE '' END, "
                            "used_at = excluded.used_at, last_episode = excluded.last_episode"));
    std::string laid_out = boost::json::serialize(to_json(memo.laid_out));
    if (static_cast<std::int64_t>(laid_out.size()) > limits.session_memo_bytes_max) laid_out = "[]";
    insert.bind_blob(1, digest).bind(2, scope.tenant).bind(3, scope.agent).bind(4, scope.user).bind(5, memo.session);
    insert.bind(6, laid_out).bind(7, static_cast<std::int64_t>(to_micros(now)));
    RETURN_IF_ERROR(insert.bind(8, memo.last_episode).run());
  }
  {
    ASSIGN_OR_RETURN(Statement trim, transaction.prepare("DELETE FROM session_memo WHERE digest IN (SELECT digest FROM "
                                                         "session_memo WHERE tenant = ? AND session = ? "
                                                         "ORDER BY used_at DESC LIMIT -1 OFFSET ?)"));
    RETURN_IF_ERROR(trim.bind(1, scope.tenant).bind(2, memo.session).bind(3, kMemosOfASession).run());
  }
  {
    ASSIGN_OR_RETURN(Statement trim, transaction.prepare("DELETE FROM session_memo WHERE digest IN (SELECT digest FROM "
                                                         "session_memo WHERE tenant = ? "
                                                         "ORDER BY used_at DESC LIMIT -1 OFFSET ?)"));
    RETURN_IF_ERROR(trim.bind(1, scope.tenant).bind(2, limits.session_memos_per_tenant_max).run());
  }
  ASSIGN_OR_RETURN(Statement trim, transaction.prepare("DELETE FROM session_memo WHERE digest IN (SELECT digest FROM "
                                                       "session_memo ORDER BY used_at DESC LIMIT -1 OFFSET ?)"));
  return trim.bind(1, limits.session_memos_max).run();
}

Result<std::optional<StoredState>> find_state(Transaction& transaction, const std::string& tenant,
                                              const std::string& agent, const std::string& key) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT version, state, updated_at, expires_at FROM agent_state "
                                       "WHERE tenant = ? AND agent = ? AND key = ?"));
  select.bind(1, tenant).bind(2, agent).bind(3, key);
  ASSIGN_OR_RETURN(const bool found, select.step());
  if (!found) return std::optional<StoredState>();
  StoredState state{static_cast<int>(select.integer(0)), select.text(1), select.integer(2), std::nullopt};
  if (!select.is_null(3)) state.expires_at = from_micros(select.integer(3));
  return std::optional<StoredState>(std::move(state));
}

Status put_state(Transaction& transaction, const std::string& tenant, const std::string& agent, const std::string& key,
                 const StoredState& state, Time now) {
  {
    // A revision is the time of its writing, moved on where the clock has not.
    ASSIGN_OR_RETURN(Statement upsert,
                     transaction.prepare(
                         state.revision == 0
                             ? "INSERT INTO agent_state (tenant, agent, key, version, state, updated_at, expires_at) "
                               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?8) ON CONFLICT DO NOTHING"
                             : "UPDATE agent_state SET version = ?4, state = ?5, updated_at = max(?6, updated_at + 1), "
                               "expires_at = ?8 "
                               "WHERE tenant = ?1 AND agent = ?2 AND key = ?3 AND updated_at = ?7"));
    upsert.bind(1, tenant).bind(2, agent).bind(3, key).bind(4, state.version).bind(5, state.json);
    upsert.bind(6, static_cast<std::int64_t>(to_micros(now)));
    if (state.revision != 0) upsert.bind(7, state.revision);
    std::optional<std::int64_t> expires_at;
    if (state.expires_at) expires_at = to_micros(*state.expires_at);
    upsert.bind(8, expires_at);
    RETURN_IF_ERROR(upsert.run());
  }
  if (transaction.changes() == 1) return {};
  return fail_retryable(ErrorCode::kAborted, "the state of agent '" + agent + "' under key '" + key +
                                                 "' was changed by another turn meanwhile");
}

Result<int> expire_states(Transaction& transaction, Time now, int states_max) {
  ASSIGN_OR_RETURN(Statement remove,
                   transaction.prepare("DELETE FROM agent_state WHERE (tenant, agent, key) IN (SELECT tenant, agent, "
                                       "key FROM agent_state WHERE expires_at < ? ORDER BY expires_at LIMIT ?)"));
  RETURN_IF_ERROR(remove.bind(1, static_cast<std::int64_t>(to_micros(now))).bind(2, states_max).run());
  return static_cast<int>(transaction.changes());
}

}  // namespace mnema
