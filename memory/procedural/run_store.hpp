// memory/procedural/run_store.hpp
//
// Task runs as rows: what each turn of an agent with tools did, and how it ended. Written by the turn's commit, read by
// the job that learns procedures from them (memory/consolidation/procedure_job.hpp). A row belongs to the scope of its
// turn, and goes with it, and with the first episode that the turn remembered.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/procedural/procedure.hpp"
#include "memory/procedural/task_terms.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::run_store {

struct StoredRun {
  TaskRunId id = 0;
  ScopeId agent_scope = 0;  // {tenant, agent}
  std::string event_type;
  Trust trust = Trust::kExternal;
  TaskTerms terms;
  std::vector<TaskStep> steps;
  bool succeeded = false;
  ProcedureId procedure = 0;  // that was shown
  bool is_counted = false;    // as a success or failure of it
};

/// Errors: `kInvalidArgument` (no tenant), `kStorage`.
[[nodiscard]] Result<TaskRunId> append(Transaction& transaction, const TaskRun& run, const TaskTerms& terms);

/// The first `count_max` behind `after`.
[[nodiscard]] Result<std::vector<StoredRun>> behind(Transaction& transaction, TaskRunId after, int count_max);
[[nodiscard]] Result<std::optional<StoredRun>> find(Transaction& transaction, TaskRunId run);
/// The newest run of a thread of this agent.
[[nodiscard]] Result<std::optional<StoredRun>> last_of(Transaction& transaction, ScopeId agent_scope,
                                                       const std::string& thread);
/// What the episode's turn, and the turns of the scope, did.
[[nodiscard]] Result<std::vector<TaskRunId>> of_episode(Transaction& transaction, EpisodeId episode);
[[nodiscard]] Result<std::vector<TaskRunId>> of_scope(Transaction& transaction, ScopeId scope, int count_max);
/// Beyond the newest `runs_max` of an agent that no procedure rests on, at most `count_max`.
[[nodiscard]] Result<std::vector<TaskRunId>> oldest(Transaction& transaction, ScopeId agent_scope,
                                                    std::int64_t runs_max, int count_max);

[[nodiscard]] Status set_failed(Transaction& transaction, TaskRunId run, const std::string& because);
[[nodiscard]] Status set_counted(Transaction& transaction, TaskRunId run);
[[nodiscard]] Status remove(Transaction& transaction, TaskRunId run);

/// Episodes of these runs, those that are there, each once.
[[nodiscard]] Result<std::vector<EpisodeId>> episodes_of(Transaction& transaction, const std::vector<TaskRunId>& runs);

}  // namespace mnema::run_store
