#include "memory/procedural/run_store.hpp"

#include <algorithm>

namespace mnema::run_store {
namespace {

/// Columns: run_id, agent_scope_id, event_type, trust, terms, steps, succeeded, procedure_id, counted.
constexpr std::string_view kRuns =
    "SELECT run_id, agent_scope_id, event_type, trust, terms, steps, succeeded, procedure_id, counted"
    " FROM memory_task_runs";

Result<StoredRun> run_of(Statement& row) {
  StoredRun run;
  run.id = row.integer(0);
  run.agent_scope = row.integer(1);
  run.event_type = row.text(2);
  run.trust = static_cast<Trust>(row.integer(3));
  ASSIGN_OR_RETURN(run.terms, terms_from_bytes(row.blob_view(4)));
  ASSIGN_OR_RETURN(run.steps, steps_from_json(row.text_view(5)));
  run.succeeded = row.integer(6) != 0;
  run.procedure = row.integer(7);
  run.is_counted = row.integer(8) != 0;
  return run;
}

Result<std::optional<StoredRun>> one(Statement& select) {
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return std::optional<StoredRun>();
  ASSIGN_OR_RETURN(StoredRun run, run_of(select));
  return std::optional<StoredRun>(std::move(run));
}

}  // namespace

Result<TaskRunId> append(Transaction& transaction, const TaskRun& run, const TaskTerms& terms) {
  ASSIGN_OR_RETURN(const ScopeKey owner, scope_store::intern(transaction, run.owner));
  ASSIGN_OR_RETURN(const ScopeKey agent,
                   scope_store::intern(transaction, Scope{run.owner.tenant, run.owner.agent, "", ""}));
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_task_runs (scope_id, agent_scope_id, entry_id, thread,"
                                       " event_type, trust, terms, steps, calls, succeeded, because, procedure_id,"
                                       " counted, time_us)"
                                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0, ?13)"
                                       " RETURNING run_id"));
  const std::string bytes = terms_to_bytes(terms);
  const std::string steps = steps_to_json(run.steps);
  insert.bind(1, owner.scope).bind(2, agent.scope).bind(3, run.episode).bind(4, std::string_view(run.thread));
  insert.bind(5, std::string_view(run.event_type)).bind(6, static_cast<int>(run.trust)).bind_blob(7, bytes);
  insert.bind(8, std::string_view(steps)).bind(9, run.calls).bind(10, run.succeeded ? 1 : 0);
  insert.bind(11, std::string_view(run.because)).bind(12, run.procedure);
  insert.bind(13, static_cast<std::int64_t>(to_micros(run.time)));
  ASSIGN_OR_RETURN(const bool row, insert.step());
  CHECK(row, "an insert returns its row");
  return insert.integer(0);
}

Result<std::vector<StoredRun>> behind(Transaction& transaction, TaskRunId after, int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(std::string(kRuns) + " WHERE run_id > ?1 ORDER BY run_id LIMIT ?2"));
  select.bind(1, after).bind(2, count_max);
  std::vector<StoredRun> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    ASSIGN_OR_RETURN(StoredRun run, run_of(select));
    found.push_back(std::move(run));
  }
}

Result<std::optional<StoredRun>> find(Transaction& transaction, TaskRunId run) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kRuns) + " WHERE run_id = ?1"));
  return one(select.bind(1, run));
}

Result<std::optional<StoredRun>> last_of(Transaction& transaction, ScopeId agent_scope, const std::string& thread) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(std::string(kRuns) + " WHERE agent_scope_id = ?1 AND thread = ?2"
                                                            " ORDER BY run_id DESC LIMIT 1"));
  return one(select.bind(1, agent_scope).bind(2, std::string_view(thread)));
}

Result<std::vector<TaskRunId>> of_episode(Transaction& transaction, EpisodeId episode) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT run_id FROM memory_task_runs WHERE entry_id = ?1"
                                                         " AND entry_id <> 0 ORDER BY run_id"));
  return select.bind(1, episode).integers();
}

Result<std::vector<TaskRunId>> of_scope(Transaction& transaction, ScopeId scope, int count_max) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT run_id FROM memory_task_runs WHERE scope_id = ?1"
                                                         " ORDER BY run_id LIMIT ?2"));
  return select.bind(1, scope).bind(2, count_max).integers();
}

Result<std::vector<TaskRunId>> oldest(Transaction& transaction, ScopeId agent_scope, std::int64_t runs_max,
                                      int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT run_id FROM memory_task_runs r WHERE agent_scope_id = ?1 AND NOT EXISTS"
                                       " (SELECT 1 FROM memory_procedure_evidence e WHERE e.run_id = r.run_id)"
                                       " ORDER BY run_id DESC LIMIT ?2 OFFSET ?3"));
  return select.bind(1, agent_scope).bind(2, count_max).bind(3, runs_max).integers();
}

Status set_failed(Transaction& transaction, TaskRunId run, const std::string& because) {
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_task_runs SET succeeded = 0, because = ?2"
                                                         " WHERE run_id = ?1"));
  return update.bind(1, run).bind(2, std::string_view(because)).run();
}

Status set_counted(Transaction& transaction, TaskRunId run) {
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_task_runs SET counted = 1 WHERE run_id = ?1"));
  return update.bind(1, run).run();
}

Status remove(Transaction& transaction, TaskRunId run) {
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_task_runs WHERE run_id = ?1"));
  return erase.bind(1, run).run();
}

Result<std::vector<EpisodeId>> episodes_of(Transaction& transaction, const std::vector<TaskRunId>& runs) {
  std::vector<EpisodeId> found;
  for (const TaskRunId run : runs) {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT r.entry_id FROM memory_task_runs r"
                                                           " JOIN memory_entries e ON e.entry_id = r.entry_id"
                                                           " WHERE r.run_id = ?1"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, run).step());
    if (row) found.push_back(select.integer(0));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace mnema::run_store
