#include "memory/consolidation/procedure_job.hpp"

#include <set>
#include <utility>

#include "memory/consolidation/job_store.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/procedural/run_store.hpp"

namespace mnema {
namespace {

constexpr int kVersion = 1;  // of how runs are taken; another one goes on where this one stands

Result<bool> take_runs(Transaction& transaction, const ProcedureLimits& limits, Time now) {
  ASSIGN_OR_RETURN(const job_store::Watermark from, job_store::watermark(transaction, ProcedureJob::kName));
  ASSIGN_OR_RETURN(const std::vector<run_store::StoredRun> runs,
                   run_store::behind(transaction, from.entry, ProcedureJob::kRunsMax));
  if (runs.empty()) return false;
  std::set<ScopeId> agents;
  for (const run_store::StoredRun& run : runs) {
    RETURN_IF_ERROR(procedure_store::take(transaction, run, limits, now));
    agents.insert(run.agent_scope);
  }
  for (const ScopeId agent : agents) {
    RETURN_IF_ERROR(procedure_store::drop_oldest_runs(transaction, agent, limits, ProcedureJob::kRunsDroppedMax));
  }
  RETURN_IF_ERROR(job_store::move(transaction, ProcedureJob::kName, from, {kVersion, runs.back().id}));
  return static_cast<int>(runs.size()) == ProcedureJob::kRunsMax;
}

}  // namespace

void ProcedureJob::step(Executor& strand, std::function<void(Result<bool>)> on_done) {
  // Most wakes are for other jobs: a read is cheaper than a commit.
  const auto waiting = database_.read<bool>([](Transaction& transaction) -> Result<bool> {
    ASSIGN_OR_RETURN(const job_store::Watermark from, job_store::watermark(transaction, kName));
    ASSIGN_OR_RETURN(const std::vector<run_store::StoredRun> runs, run_store::behind(transaction, from.entry, 1));
    return !runs.empty();
  });
  if (!waiting.ok()) return on_done(waiting.error());
  if (!*waiting) return on_done(false);
  database_.write<bool>(
      WritePriority::kBackground,
      [limits = limits_, now = clock_.now()](Transaction& transaction) { return take_runs(transaction, limits, now); },
      strand, std::move(on_done));
}

}  // namespace mnema
