#include "memory/branch_store.hpp"

#include <map>
#include <set>

#include "memory/scope_store.hpp"

namespace mnema::branch_store {
namespace {

struct Thread {
  std::int64_t id = 0;
  std::int64_t last_sequence = 0;
};

Result<std::optional<Thread>> find_thread(Transaction& transaction, const std::string& tenant,
                                          const std::string& name) {
  ASSIGN_OR_RETURN(const std::optional<TenantId> id, scope_store::find_tenant(transaction, tenant));
  if (!id) return std::optional<Thread>();
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT thread_id, last_sequence FROM memory_threads"
                                                         " WHERE tenant_id = ?1 AND name = ?2"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, *id).bind(2, std::string_view(name)).step());
  if (!row) return std::optional<Thread>();
  return std::optional<Thread>(Thread{select.integer(0), select.integer(1)});
}

struct Turn {
  std::int64_t first = 0;
  std::int64_t parent = 0;
};

/// By their last episode.
Result<std::map<std::int64_t, Turn>> turns_of(Transaction& transaction, std::int64_t thread) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT last_sequence, first_sequence, parent_sequence FROM memory_chat_turns"
                                       " WHERE thread_id = ?1 ORDER BY last_sequence"));
  select.bind(1, thread);
  std::map<std::int64_t, Turn> turns;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return turns;
    turns[select.integer(0)] = {select.integer(1), select.integer(2)};
  }
}

Result<std::int64_t> newest_turn(Transaction& transaction, std::int64_t thread) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT max(last_sequence) FROM memory_chat_turns"
                                                         " WHERE thread_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, thread).step());
  return row && !select.is_null(0) ? select.integer(0) : 0;
}

/// Of the thread's episodes from `first` to `last` those whose standing this changes.
Result<std::vector<EpisodeId>> set_abandoned(Transaction& transaction, std::int64_t thread, std::int64_t first,
                                             std::int64_t last, bool abandoned) {
  std::vector<EpisodeId> changed;
  {
    ASSIGN_OR_RETURN(
        Statement select,
        transaction.prepare("SELECT s.entry_id FROM memory_episodes s WHERE s.thread_id = ?1 AND s.sequence"
                            " BETWEEN ?2 AND ?3 AND ?4 <> (SELECT count(*) FROM memory_abandoned a"
                            " WHERE a.entry_id = s.entry_id) ORDER BY s.sequence"));
    select.bind(1, thread).bind(2, first).bind(3, last).bind(4, abandoned ? 1 : 0);
    ASSIGN_OR_RETURN(changed, select.integers());
  }
  for (const EpisodeId entry : changed) {
    ASSIGN_OR_RETURN(Statement write,
                     transaction.prepare(abandoned ? "INSERT INTO memory_abandoned (entry_id) VALUES (?1)"
                                                   : "DELETE FROM memory_abandoned WHERE entry_id = ?1"));
    RETURN_IF_ERROR(write.bind(1, entry).run());
  }
  return changed;
}

}  // namespace

Result<std::int64_t> last_sequence(Transaction& transaction, const std::string& tenant, const std::string& thread) {
  ASSIGN_OR_RETURN(const std::optional<Thread> found, find_thread(transaction, tenant, thread));
  return found ? found->last_sequence : 0;
}

Result<std::vector<EpisodeId>> follow(Transaction& transaction, const std::string& tenant, const std::string& thread,
                                      std::optional<std::int64_t> parent) {
  std::vector<EpisodeId> changed;
  ASSIGN_OR_RETURN(const std::optional<Thread> found, find_thread(transaction, tenant, thread));
  if (!found || !parent) return changed;
  ASSIGN_OR_RETURN(const std::int64_t newest, newest_turn(transaction, found->id));
  if (newest == *parent || newest == 0) return changed;
  ASSIGN_OR_RETURN(const auto turns, turns_of(transaction, found->id));
  if (*parent != 0 && !turns.contains(*parent)) return changed;  // of before there were branches
  std::set<std::int64_t> path;
  for (auto turn = turns.find(*parent); turn != turns.end(); turn = turns.find(turn->second.parent)) {
    if (!path.insert(turn->first).second) break;
  }
  for (const auto& [last, turn] : turns) {
    ASSIGN_OR_RETURN(const std::vector<EpisodeId> some,
                     set_abandoned(transaction, found->id, turn.first, last, !path.contains(last)));
    changed.insert(changed.end(), some.begin(), some.end());
  }
  return changed;
}

Status add_turn(Transaction& transaction, const std::string& tenant, const std::string& thread,
                std::optional<std::int64_t> parent, std::int64_t first, std::int64_t last) {
  ASSIGN_OR_RETURN(const std::optional<Thread> found, find_thread(transaction, tenant, thread));
  if (!found || last < first) return {};
  if (!parent) {
    ASSIGN_OR_RETURN(parent, newest_turn(transaction, found->id));
  }
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_chat_turns (thread_id, last_sequence, first_sequence,"
                                       " parent_sequence) VALUES (?1, ?2, ?3, ?4)"));
  return insert.bind(1, found->id).bind(2, last).bind(3, first).bind(4, *parent).run();
}

}  // namespace mnema::branch_store
