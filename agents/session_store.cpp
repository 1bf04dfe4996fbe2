#include "agents/session_store.hpp"

#include "agents/convert.hpp"
#include "agents/message_json.hpp"

namespace mnema {

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
)sql"}};
}

Result<std::optional<SessionMemo>> find_session(Transaction& transaction, const std::string& digest) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT session, laid_out FROM session_memo WHERE digest = ?"));
  select.bind_blob(1, digest);
  ASSIGN_OR_RETURN(const bool found, select.step());
  if (!found) return std::optional<SessionMemo>();
  SessionMemo memo;
  memo.session = select.text(0);
  ASSIGN_OR_RETURN(const boost::json::value json, parse_bounded_json(select.text_view(1), "session " + memo.session));
  auto messages = from_json<std::vector<Message>>(json, UnknownMembers::kIgnore);
  if (!messages.ok()) return fail(ErrorCode::kCorrupt, "session " + memo.session + ": " + messages.error().message);
  memo.laid_out = std::move(*messages);
  return std::optional<SessionMemo>(std::move(memo));
}

Status put_session(Transaction& transaction, const std::string& digest, const Scope& scope, const SessionMemo& memo,
                   Time now, std::int64_t memos_max) {
  {
    ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT OR REPLACE INTO session_memo "
                                                           "(digest, tenant, agent, user, session, laid_out, used_at) "
                                                           "VALUES (?, ?, ?, ?, ?, ?, ?)"));
    const std::string laid_out = boost::json::serialize(to_json(memo.laid_out));
    insert.bind_blob(1, digest).bind(2, scope.tenant).bind(3, scope.agent).bind(4, scope.user).bind(5, memo.session);
    insert.bind(6, laid_out).bind(7, static_cast<std::int64_t>(to_micros(now)));
    RETURN_IF_ERROR(insert.run());
  }
  ASSIGN_OR_RETURN(Statement trim, transaction.prepare("DELETE FROM session_memo WHERE digest IN (SELECT digest FROM "
                                                       "session_memo ORDER BY used_at DESC LIMIT -1 OFFSET ?)"));
  return trim.bind(1, memos_max).run();
}

Result<std::optional<StoredState>> find_state(Transaction& transaction, const std::string& tenant,
                                              const std::string& agent, const std::string& key) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT version, state FROM agent_state "
                                                         "WHERE tenant = ? AND agent = ? AND key = ?"));
  select.bind(1, tenant).bind(2, agent).bind(3, key);
  ASSIGN_OR_RETURN(const bool found, select.step());
  if (!found) return std::optional<StoredState>();
  return std::optional<StoredState>(StoredState{static_cast<int>(select.integer(0)), select.text(1)});
}

Status put_state(Transaction& transaction, const std::string& tenant, const std::string& agent, const std::string& key,
                 const StoredState& state, Time now) {
  ASSIGN_OR_RETURN(Statement upsert,
                   transaction.prepare("INSERT INTO agent_state (tenant, agent, key, version, state, updated_at) "
                                       "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                                       "version = excluded.version, state = excluded.state, "
                                       "updated_at = excluded.updated_at"));
  upsert.bind(1, tenant).bind(2, agent).bind(3, key).bind(4, state.version).bind(5, state.json);
  return upsert.bind(6, static_cast<std::int64_t>(to_micros(now))).run();
}

}  // namespace mnema
