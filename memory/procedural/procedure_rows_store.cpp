#include "memory/procedural/procedure_rows_store.hpp"

#include <utility>

namespace mnema::procedure_rows_store {
namespace {

/// Columns: procedure_id, scope_id, event_type, trust, state, steps, words, runs it was learned from, successes,
/// failures, changed_us, strikes.
constexpr std::string_view kProcedures =
    "SELECT procedure_id, scope_id, event_type, trust, state, steps, words, (SELECT count(*) FROM"
    " memory_procedure_evidence e WHERE e.procedure_id = memory_procedures.procedure_id), successes, failures,"
    " changed_us, strikes FROM memory_procedures";

Result<Row> row_of(Statement& select) {
  Row row;
  row.procedure.id = select.integer(0);
  row.scope = select.integer(1);
  row.procedure.event_type = select.text(2);
  row.procedure.trust = static_cast<Trust>(select.integer(3));
  row.procedure.state = static_cast<ProcedureState>(select.integer(4));
  ASSIGN_OR_RETURN(row.procedure.steps, steps_from_json(select.text_view(5)));
  row.procedure.words = select.text(6);
  row.procedure.learned_from = static_cast<int>(select.integer(7));
  row.procedure.successes = static_cast<int>(select.integer(8));
  row.procedure.failures = static_cast<int>(select.integer(9));
  row.procedure.changed = from_micros(select.integer(10));
  row.strikes = static_cast<int>(select.integer(11));
  return row;
}

}  // namespace

std::string_view selecting() { return kProcedures; }

Result<std::vector<Row>> rows_of(Statement& select) {
  std::vector<Row> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, select.step());
    if (!more) return rows;
    ASSIGN_OR_RETURN(Row row, row_of(select));
    rows.push_back(std::move(row));
  }
}

Result<std::optional<Row>> load(Transaction& transaction, ProcedureId id) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kProcedures) + " WHERE procedure_id = ?1"));
  select.bind(1, id);
  ASSIGN_OR_RETURN(std::vector<Row> rows, rows_of(select));
  if (rows.empty()) return std::optional<Row>();
  return std::optional<Row>(std::move(rows.front()));
}

Result<std::vector<TaskRunId>> evidence_of(Transaction& transaction, ProcedureId id) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT run_id FROM memory_procedure_evidence"
                                                         " WHERE procedure_id = ?1 ORDER BY run_id"));
  return select.bind(1, id).integers();
}

std::string owner_name(const std::string& user, const std::string& session) {
  return user.empty() ? "key " + session : "user " + user;
}

Result<Learned> read_learned(Transaction& transaction, ProcedureId id) {
  Learned learned;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT r.terms, s.user, s.session FROM memory_procedure_evidence e"
                                       " JOIN memory_task_runs r ON r.run_id = e.run_id"
                                       " JOIN memory_scopes s ON s.scope_id = r.scope_id WHERE e.procedure_id = ?1"));
  select.bind(1, id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return learned;
    ASSIGN_OR_RETURN(const TaskTerms terms, terms_from_bytes(select.blob_view(0)));
    learned.profile.add(terms);
    learned.owners.insert(owner_name(select.text(1), select.text(2)));
  }
}

Result<std::vector<std::vector<TaskStep>>> read_steps(Transaction& transaction, ProcedureId id) {
  std::vector<std::vector<TaskStep>> runs;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT r.steps FROM memory_procedure_evidence e JOIN memory_task_runs r"
                                       " ON r.run_id = e.run_id WHERE e.procedure_id = ?1 ORDER BY r.run_id"));
  select.bind(1, id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return runs;
    ASSIGN_OR_RETURN(runs.emplace_back(), steps_from_json(select.text_view(0)));
  }
}

Status save(Transaction& transaction, const Row& row, Time now) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_procedures SET steps = ?2, words = ?3, state = ?4,"
                                       " successes = ?5, failures = ?6, strikes = ?7, changed_us = ?8"
                                       " WHERE procedure_id = ?1"));
  const Procedure& procedure = row.procedure;
  const std::string steps = steps_to_json(procedure.steps);
  update.bind(1, procedure.id).bind(2, std::string_view(steps)).bind(3, std::string_view(procedure.words));
  update.bind(4, static_cast<int>(procedure.state)).bind(5, procedure.successes).bind(6, procedure.failures);
  return update.bind(7, row.strikes).bind(8, static_cast<std::int64_t>(to_micros(now))).run();
}

Status note(Transaction& transaction, ProcedureId id, const std::string& what, Time now) {
  {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_procedure_changes (procedure_id, ordinal, time_us, what)"
                                         " SELECT ?1, coalesce(max(ordinal), 0) + 1, ?2, ?3"
                                         " FROM memory_procedure_changes WHERE procedure_id = ?1"));
    insert.bind(1, id).bind(2, static_cast<std::int64_t>(to_micros(now)));
    RETURN_IF_ERROR(insert.bind(3, std::string_view(what)).run());
  }
  ASSIGN_OR_RETURN(Statement erase,
                   transaction.prepare("DELETE FROM memory_procedure_changes WHERE procedure_id = ?1 AND ordinal <="
                                       " (SELECT max(ordinal) FROM memory_procedure_changes"
                                       " WHERE procedure_id = ?1) - ?2"));
  return erase.bind(1, id).bind(2, kChangesMax).run();
}

Status remove(Transaction& transaction, ProcedureId id) {
  for (const char* table : {"memory_procedure_changes", "memory_procedure_evidence", "memory_procedures"}) {
    ASSIGN_OR_RETURN(Statement erase,
                     transaction.prepare("DELETE FROM " + std::string(table) + " WHERE procedure_id = ?1"));
    RETURN_IF_ERROR(erase.bind(1, id).run());
  }
  return {};
}

}  // namespace mnema::procedure_rows_store
