#include "memory/procedural/procedure_store.hpp"

#include <algorithm>
#include <utility>

#include "memory/documents/token_estimate.hpp"
#include "memory/procedural/procedure_rows_store.hpp"

namespace mnema::procedure_store {

using namespace procedure_rows_store;

namespace {

/// A run joins a group of chats whose words it has mostly.
constexpr double kJoinCoverage = 0.5, kJoinCosine = 0.4;
/// "Do it again, please" tells no kind of task.
constexpr std::size_t kChatTermsMin = 2;

std::string count_phrase(int count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

/// Makes steps and state fit what it was learned from.
Status settle(Transaction& transaction, Row row, const ProcedureLimits& limits, Time now) {
  Procedure& procedure = row.procedure;
  if (now == Time{}) now = procedure.changed;  // an erasure knows no time
  ASSIGN_OR_RETURN(const auto runs, read_steps(transaction, procedure.id));
  if (runs.empty()) return remove(transaction, procedure.id);
  procedure.learned_from = static_cast<int>(runs.size());
  procedure.steps = merged_steps(runs);
  const bool enough = procedure.learned_from >= limits.successes_min;
  if (procedure.state == ProcedureState::kLearning && enough) {
    procedure.state = ProcedureState::kActive;
    RETURN_IF_ERROR(
        note(transaction, procedure.id, "learned from " + count_phrase(procedure.learned_from, "run"), now));
  } else if (procedure.state == ProcedureState::kActive && !enough && procedure.words.empty()) {
    procedure.state = ProcedureState::kLearning;
    RETURN_IF_ERROR(note(transaction, procedure.id, "shown no more: too few successes are left that it rests on", now));
  }
  return save(transaction, row, now);
}

/// The group that the run is one more of.
Result<std::optional<Row>> group_of(Transaction& transaction, const run_store::StoredRun& run) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(selecting()) +
                                                         " WHERE scope_id = ?1 AND event_type = ?2 AND trust = ?3"
                                                         " AND signature = ?4 ORDER BY procedure_id"));
  const std::string signature = signature_of(run.steps);
  select.bind(1, run.agent_scope).bind(2, std::string_view(run.event_type)).bind(3, static_cast<int>(run.trust));
  select.bind(4, std::string_view(signature));
  ASSIGN_OR_RETURN(std::vector<Row> rows, rows_of(select));
  std::optional<Row> best;
  double best_fit = 0;
  for (Row& row : rows) {
    if (run.event_type != kChatEvent) return std::optional<Row>(std::move(row));
    ASSIGN_OR_RETURN(const Learned learned, read_learned(transaction, row.procedure.id));
    const TermFit fit = fit_of(learned.profile, run.terms);
    if (fit.coverage < kJoinCoverage || fit.cosine < kJoinCosine || fit.cosine <= best_fit) continue;
    best_fit = fit.cosine;
    best = std::move(row);
  }
  return best;
}

/// None: there are as many as there may be, all of them demoted or an operator's.
Result<std::optional<Row>> new_group(Transaction& transaction, const run_store::StoredRun& run,
                                     const ProcedureLimits& limits, Time now) {
  ASSIGN_OR_RETURN(Statement count, transaction.prepare("SELECT count(*) FROM memory_procedures WHERE scope_id = ?1"));
  ASSIGN_OR_RETURN([[maybe_unused]] const bool counted, count.bind(1, run.agent_scope).step());
  if (count.integer(0) >= limits.procedures_max) {
    ASSIGN_OR_RETURN(Statement oldest, transaction.prepare("SELECT procedure_id FROM memory_procedures"
                                                           " WHERE scope_id = ?1 AND state <> 2 AND words = ''"
                                                           " ORDER BY state, changed_us, procedure_id LIMIT 1"));
    ASSIGN_OR_RETURN(const bool row, oldest.bind(1, run.agent_scope).step());
    if (!row) return std::optional<Row>();
    RETURN_IF_ERROR(remove(transaction, oldest.integer(0)));
  }
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_procedures (scope_id, event_type, trust, signature, steps,"
                                       " words, state, successes, failures, strikes, changed_us)"
                                       " VALUES (?1, ?2, ?3, ?4, ?5, '', 0, 0, 0, 0, ?6) RETURNING procedure_id"));
  const std::string signature = signature_of(run.steps), steps = steps_to_json(run.steps);
  insert.bind(1, run.agent_scope).bind(2, std::string_view(run.event_type)).bind(3, static_cast<int>(run.trust));
  insert.bind(4, std::string_view(signature)).bind(5, std::string_view(steps));
  ASSIGN_OR_RETURN([[maybe_unused]] const bool made, insert.bind(6, static_cast<std::int64_t>(to_micros(now))).step());
  return load(transaction, insert.integer(0));
}

Status learn(Transaction& transaction, const run_store::StoredRun& run, const ProcedureLimits& limits, Time now) {
  if (!run.succeeded || run.steps.empty() || static_cast<int>(run.steps.size()) > limits.steps_max) return {};
  if (run.event_type == kChatEvent && run.terms.size() < kChatTermsMin) return {};
  ASSIGN_OR_RETURN(std::optional<Row> group, group_of(transaction, run));
  if (!group) {
    ASSIGN_OR_RETURN(group, new_group(transaction, run, limits, now));
  }
  if (!group) return {};
  const ProcedureId id = group->procedure.id;
  {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_procedure_evidence (procedure_id, run_id) VALUES (?1, ?2)"
                                         " ON CONFLICT (procedure_id, run_id) DO NOTHING"));
    RETURN_IF_ERROR(insert.bind(1, id).bind(2, run.id).run());
  }
  {
    ASSIGN_OR_RETURN(Statement erase,
                     transaction.prepare("DELETE FROM memory_procedure_evidence WHERE procedure_id = ?1 AND run_id IN"
                                         " (SELECT run_id FROM memory_procedure_evidence WHERE procedure_id = ?1"
                                         " ORDER BY run_id DESC LIMIT 1000 OFFSET ?2)"));
    RETURN_IF_ERROR(erase.bind(1, id).bind(2, kEvidenceMax).run());
  }
  return settle(transaction, std::move(*group), limits, now);
}

Status unlearn(Transaction& transaction, TaskRunId run, const ProcedureLimits& limits, Time now) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT procedure_id FROM memory_procedure_evidence"
                                                         " WHERE run_id = ?1"));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> taught, select.bind(1, run).integers());
  {
    ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_procedure_evidence WHERE run_id = ?1"));
    RETURN_IF_ERROR(erase.bind(1, run).run());
  }
  for (const ProcedureId id : taught) {
    ASSIGN_OR_RETURN(std::optional<Row> row, load(transaction, id));
    if (!row) continue;
    RETURN_IF_ERROR(settle(transaction, std::move(*row), limits, now));
  }
  return {};
}

Status count_outcome(Transaction& transaction, ProcedureId id, bool succeeded, bool was_success,
                     const ProcedureLimits& limits, Time now) {
  ASSIGN_OR_RETURN(std::optional<Row> row, load(transaction, id));
  if (!row) return {};
  Procedure& procedure = row->procedure;
  if (was_success) {
    procedure.successes = std::max(0, procedure.successes - 1);
    row->strikes += 1;  // what that had taken back
  }
  if (succeeded) {
    ++procedure.successes;
    row->strikes = std::max(0, row->strikes - 1);
  } else {
    ++procedure.failures;
    row->strikes += 2;
  }
  const bool is_corrected = !procedure.words.empty();
  if (procedure.state == ProcedureState::kActive && !is_corrected && row->strikes >= 2 * limits.failures_max) {
    procedure.state = ProcedureState::kDemoted;
    RETURN_IF_ERROR(note(transaction, id, "demoted after " + count_phrase(procedure.failures, "failure"), now));
  }
  return save(transaction, *row, now);
}

Error not_found(ProcedureId id) {
  return fail(ErrorCode::kNotFound, "memory has no procedure " + std::to_string(id),
              "`mnema memory procedures` lists them");
}

Result<Row> load_of(Transaction& transaction, ProcedureId id, const std::string& tenant) {
  ASSIGN_OR_RETURN(std::optional<Row> row, load(transaction, id));
  if (!row) return not_found(id);
  ASSIGN_OR_RETURN(row->procedure.scope, scope_store::scope_of(transaction, row->scope));
  if (row->procedure.scope.tenant != tenant) return not_found(id);
  return std::move(*row);
}

}  // namespace

Status take(Transaction& transaction, const run_store::StoredRun& run, const ProcedureLimits& limits, Time now) {
  if (run.procedure != 0 && !run.is_counted) {
    RETURN_IF_ERROR(count_outcome(transaction, run.procedure, run.succeeded, false, limits, now));
    RETURN_IF_ERROR(run_store::set_counted(transaction, run.id));
  }
  return learn(transaction, run, limits, now);
}

Status correct(Transaction& transaction, const run_store::StoredRun& run, const std::string& because,
               const ProcedureLimits& limits, Time now) {
  if (!run.succeeded) return {};
  RETURN_IF_ERROR(run_store::set_failed(transaction, run.id, because));
  if (run.is_counted) {
    RETURN_IF_ERROR(count_outcome(transaction, run.procedure, false, true, limits, now));
  }
  return unlearn(transaction, run.id, limits, now);
}

Status forget_runs(Transaction& transaction, const std::vector<TaskRunId>& runs, const ProcedureLimits& limits,
                   Time now) {
  for (const TaskRunId run : runs) {
    RETURN_IF_ERROR(unlearn(transaction, run, limits, now));
    RETURN_IF_ERROR(run_store::remove(transaction, run));
  }
  return {};
}

Status drop_oldest_runs(Transaction& transaction, ScopeId agent_scope, const ProcedureLimits& limits, int count_max) {
  ASSIGN_OR_RETURN(const std::vector<TaskRunId> old,
                   run_store::oldest(transaction, agent_scope, limits.runs_max, count_max));
  for (const TaskRunId run : old) RETURN_IF_ERROR(run_store::remove(transaction, run));
  return {};
}

Result<int> erase_procedures(Transaction& transaction, ScopeId scope, int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT procedure_id FROM memory_procedures WHERE scope_id = ?1 LIMIT ?2"));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> procedures, select.bind(1, scope).bind(2, count_max).integers());
  for (const ProcedureId id : procedures) RETURN_IF_ERROR(remove(transaction, id));
  return static_cast<int>(procedures.size());
}

Result<std::vector<Procedure>> list(Transaction& transaction, const std::string& tenant,
                                    const std::optional<std::string>& agent, int count_max) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT p.procedure_id FROM memory_procedures p"
                                                         " JOIN memory_scopes s ON s.scope_id = p.scope_id"
                                                         " JOIN memory_tenants t ON t.tenant_id = s.tenant_id"
                                                         " WHERE t.name = ?1 AND (?2 = 0 OR s.agent = ?3)"
                                                         " ORDER BY s.agent, p.procedure_id LIMIT ?4"));
  const std::string name = agent.value_or("");
  select.bind(1, std::string_view(tenant)).bind(2, agent ? 1 : 0).bind(3, std::string_view(name));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> ids, select.bind(4, count_max).integers());
  std::vector<Procedure> found;
  for (const ProcedureId id : ids) {
    ASSIGN_OR_RETURN(Procedure procedure, show(transaction, id, tenant));
    found.push_back(std::move(procedure));
  }
  return found;
}

Result<Procedure> show(Transaction& transaction, ProcedureId id, const std::string& tenant) {
  ASSIGN_OR_RETURN(Row row, load_of(transaction, id, tenant));
  ASSIGN_OR_RETURN(row.procedure.evidence, evidence_of(transaction, id));
  return std::move(row.procedure);
}

Result<std::vector<ProcedureChange>> history(Transaction& transaction, ProcedureId id, const std::string& tenant) {
  ASSIGN_OR_RETURN([[maybe_unused]] const Row row, load_of(transaction, id, tenant));
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT time_us, what FROM memory_procedure_changes"
                                                         " WHERE procedure_id = ?1 ORDER BY ordinal DESC"));
  select.bind(1, id);
  std::vector<ProcedureChange> changes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, select.step());
    if (!more) return changes;
    changes.push_back({from_micros(select.integer(0)), select.text(1)});
  }
}

Status restore(Transaction& transaction, ProcedureId id, const std::string& tenant, Time now) {
  ASSIGN_OR_RETURN(Row row, load_of(transaction, id, tenant));
  if (row.procedure.state != ProcedureState::kDemoted) {
    return fail(ErrorCode::kInvalidArgument,
                "procedure " + std::to_string(id) + " is not demoted: it is " + name_of(row.procedure.state));
  }
  row.procedure.state = ProcedureState::kActive;
  row.strikes = 0;
  RETURN_IF_ERROR(note(transaction, id, "restored", now));
  return save(transaction, row, now);
}

Status demote(Transaction& transaction, ProcedureId id, const std::string& tenant, Time now) {
  ASSIGN_OR_RETURN(Row row, load_of(transaction, id, tenant));
  if (row.procedure.state == ProcedureState::kDemoted) return {};
  row.procedure.state = ProcedureState::kDemoted;
  RETURN_IF_ERROR(note(transaction, id, "demoted by an operator", now));
  return save(transaction, row, now);
}

Status edit(Transaction& transaction, ProcedureId id, const std::string& tenant, const std::string& words,
            const ProcedureLimits& limits, Time now) {
  ASSIGN_OR_RETURN(Row row, load_of(transaction, id, tenant));
  const std::string clean = valid_utf8(words);
  if (tokens_in(clean) > static_cast<std::size_t>(limits.tokens_max)) {
    return fail(ErrorCode::kInvalidArgument,
                "these words take about " + std::to_string(tokens_in(clean)) + " tokens; a procedure may take " +
                    std::to_string(limits.tokens_max),
                "say it shorter, or raise limits.procedure_tokens_max");
  }
  row.procedure.words = clean;
  if (!clean.empty()) {
    row.procedure.state = ProcedureState::kActive;
    row.strikes = 0;
  }
  RETURN_IF_ERROR(
      note(transaction, id, clean.empty() ? "an operator's words taken away" : "corrected by an operator", now));
  return settle(transaction, std::move(row), limits, now);
}

Status forget(Transaction& transaction, ProcedureId id, const std::string& tenant) {
  ASSIGN_OR_RETURN([[maybe_unused]] const Row row, load_of(transaction, id, tenant));
  return remove(transaction, id);
}

Result<Counts> counts(Transaction& transaction) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT coalesce(sum(CASE state WHEN 1 THEN 1 ELSE 0 END), 0),"
                          " coalesce(sum(CASE state WHEN 2 THEN 1 ELSE 0 END), 0),"
                          " coalesce(sum(CASE state WHEN 0 THEN 1 ELSE 0 END), 0) FROM memory_procedures"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return Counts{};
  return Counts{select.integer(0), select.integer(1), select.integer(2)};
}

Status check_integrity(Transaction& transaction) {
  {
    ASSIGN_OR_RETURN(Statement lost,
                     transaction.prepare("SELECT e.procedure_id, e.run_id FROM memory_procedure_evidence e"
                                         " LEFT JOIN memory_task_runs r ON r.run_id = e.run_id"
                                         " LEFT JOIN memory_procedures p ON p.procedure_id = e.procedure_id"
                                         " WHERE r.run_id IS NULL OR p.procedure_id IS NULL OR r.succeeded = 0"
                                         " LIMIT 1"));
    ASSIGN_OR_RETURN(const bool row, lost.step());
    if (row) {
      return fail(ErrorCode::kCorrupt, "procedure " + std::to_string(lost.integer(0)) + " rests on run " +
                                           std::to_string(lost.integer(1)) + ", which does not carry it");
    }
  }
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(selecting()) + " ORDER BY procedure_id"));
  ASSIGN_OR_RETURN(const std::vector<Row> rows, rows_of(select));
  for (const Row& row : rows) {
    const Procedure& procedure = row.procedure;
    ASSIGN_OR_RETURN(const auto runs, read_steps(transaction, procedure.id));
    if (!runs.empty() && runs.size() <= kEvidenceMax && merged_steps(runs) == procedure.steps) continue;
    return fail(ErrorCode::kCorrupt, "procedure " + std::to_string(procedure.id) + " is not what its evidence gives",
                "`mnema memory procedures forget " + std::to_string(procedure.id) + "` removes it");
  }
  return {};
}

}  // namespace mnema::procedure_store
