// memory/procedural/procedure_store.hpp
//
// Procedures as rows: learned from runs that succeeded, counted by the runs that were shown them.
//
//   learning   a group of runs of one agent, event type and trust, with the same tools in the same order. Of chats,
//              which all have one type, also of similar words (task_terms.hpp); of a chat's message of one word that
//              says something nothing is learned
//   active     after limits.procedure_successes_min of them; is shown to turns whose task fits, and that are trusted no
//              more than what it was learned from: those of one owner alone to turns of that owner, those of several
//              to everybody's
//   demoted    a failure of a turn that was shown it counts 2, a success takes 1 back; at twice
//              limits.procedure_failures_max it is shown no more. More runs of that kind do not bring it back: a person
//              does (`restore`), or another way of doing the task is learned beside it
//
// Where two ways of doing a task fit about equally, neither is shown: nobody can say which of them is meant. An
// operator's words (`edit`) take the place of the steps. They are corrected guidance: they win over everything that was
// learned for the same task, are shown to everybody's turns, and are never demoted by counting.
//
// A procedure belongs to {tenant, agent}, its evidence to those whose turns it was learned from: a run that is erased
// is unlearned; with too few left it is shown no more, and with the last one it is gone, corrected or not.
//
// Invariant: a procedure has evidence, of at most kEvidenceMax runs that succeeded, and its steps are what they have in
//            common (check_integrity).
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/procedural/procedure.hpp"
#include "memory/procedural/run_store.hpp"

namespace mnema::procedure_store {

/// Of one procedure: the newest runs that its words and steps are taken from.
inline constexpr int kEvidenceMax = 16;

/// Counts the run for the procedure that it was shown, and learns from it, if it succeeded. Once for each run.
[[nodiscard]] Status take(Transaction& transaction, const run_store::StoredRun& run, const ProcedureLimits& limits,
                          Time now);

/// The run was taken for a success, and was none: it is unlearned, and counts as a failure.
[[nodiscard]] Status correct(Transaction& transaction, const run_store::StoredRun& run, const std::string& because,
                             const ProcedureLimits& limits, Time now);

/// Unlearns these runs and removes their rows.
[[nodiscard]] Status forget_runs(Transaction& transaction, const std::vector<TaskRunId>& runs,
                                 const ProcedureLimits& limits, Time now);
/// Removes the rows of runs of an agent beyond limits.task_runs_per_agent_max that no procedure rests on, at most
/// `count_max`.
[[nodiscard]] Status drop_oldest_runs(Transaction& transaction, ScopeId agent_scope, const ProcedureLimits& limits,
                                      int count_max);
/// Procedures of exactly this scope, at most `count_max`. Returns how many went.
[[nodiscard]] Result<int> erase_procedures(Transaction& transaction, ScopeId scope, int count_max);

/// For who administers a tenant: all of it, or of one agent, by agent and number.
[[nodiscard]] Result<std::vector<Procedure>> list(Transaction& transaction, const std::string& tenant,
                                                  const std::optional<std::string>& agent, int count_max);
/// Errors: `kNotFound`, also where it is another tenant's.
[[nodiscard]] Result<Procedure> show(Transaction& transaction, ProcedureId id, const std::string& tenant);
/// Newest first. Errors: `kNotFound`.
[[nodiscard]] Result<std::vector<ProcedureChange>> history(Transaction& transaction, ProcedureId id,
                                                           const std::string& tenant);

// What an operator does. Errors of all: `kNotFound`, `kStorage`.

/// A demoted one is shown again, with its failures forgiven. Errors: `kInvalidArgument` (it is not demoted).
[[nodiscard]] Status restore(Transaction& transaction, ProcedureId id, const std::string& tenant, Time now);
[[nodiscard]] Status demote(Transaction& transaction, ProcedureId id, const std::string& tenant, Time now);
/// Shows `words` instead of the steps; empty: the steps again. Errors: `kInvalidArgument` (takes more than
/// limits.procedure_tokens_max).
[[nodiscard]] Status edit(Transaction& transaction, ProcedureId id, const std::string& tenant, const std::string& words,
                          const ProcedureLimits& limits, Time now);
/// Removes it. The runs stay, and are not learned from again.
[[nodiscard]] Status forget(Transaction& transaction, ProcedureId id, const std::string& tenant);

struct Counts {
  std::int64_t active = 0;
  std::int64_t demoted = 0;
  std::int64_t learning = 0;
};
[[nodiscard]] Result<Counts> counts(Transaction& transaction);

/// Errors: `kCorrupt`.
[[nodiscard]] Status check_integrity(Transaction& transaction);

}  // namespace mnema::procedure_store
