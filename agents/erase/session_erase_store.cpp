#include "agents/erase/session_erase_store.hpp"

#include <string>

#include "runtime/events/scope_slice_store.hpp"

namespace mnema::session_erase_store {
namespace {

using scope_slice_store::bind_scope;
using scope_slice_store::count_of;

constexpr std::string_view kMemos =
    " FROM session_memo WHERE tenant = ?1 AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3)"
    " AND (?4 = '' OR session = ?4)";
/// A state's row is of the scope by its own names, or by a chat of the user.
constexpr std::string_view kStates =
    " FROM agent_state AS s WHERE tenant = ?1 AND (?2 = '' OR agent = ?2) AND (?4 = '' OR key = ?4) AND (?3 = ''"
    " OR EXISTS (SELECT 1 FROM session_memo AS m WHERE m.tenant = s.tenant AND m.session = s.key"
    " AND m.agent = s.agent AND m.user = ?3))";

}  // namespace

Result<Rows> erase(Transaction& transaction, const Scope& scope, int rows_max) {
  Rows rows;
  {
    // First, while the chats say whose they are.
    ASSIGN_OR_RETURN(Statement remove,
                     transaction.prepare("DELETE FROM agent_state WHERE (tenant, agent, key) IN (SELECT tenant, agent,"
                                         " key" +
                                         std::string(kStates) + " LIMIT ?5)"));
    RETURN_IF_ERROR(bind_scope(remove, scope).bind(5, rows_max).run());
    rows.states = transaction.changes();
  }
  if (rows.states >= rows_max) return rows;
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM session_memo WHERE digest IN (SELECT digest" +
                                                         std::string(kMemos) + " LIMIT ?5)"));
  RETURN_IF_ERROR(bind_scope(remove, scope).bind(5, rows_max).run());
  rows.sessions = transaction.changes();
  return rows;
}

Result<Rows> count(Transaction& transaction, const Scope& scope) {
  Rows rows;
  ASSIGN_OR_RETURN(rows.sessions, count_of(transaction, "SELECT count(*)" + std::string(kMemos), scope));
  ASSIGN_OR_RETURN(rows.states, count_of(transaction, "SELECT count(*)" + std::string(kStates), scope));
  return rows;
}

}  // namespace mnema::session_erase_store
