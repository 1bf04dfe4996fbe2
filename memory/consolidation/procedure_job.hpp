// memory/consolidation/procedure_job.hpp
//
// Task runs into procedures: each run behind the watermark is counted and learned from, in the unit of work that moves
// the watermark, so that a run counts once wherever the job is killed. The oldest runs of the agents that it met go
// with it.
//
// Threads:   as ConsolidationJob.
// Ownership: borrows the database and the clock.
#pragma once

#include "memory/consolidation/job.hpp"
#include "memory/procedural/procedure.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class ProcedureJob final : public ConsolidationJob {
 public:
  static constexpr const char* kName = "procedures";
  static constexpr int kRunsMax = 16;         // of one unit of work: a run reads and writes about twenty rows
  static constexpr int kRunsDroppedMax = 64;  // likewise

  ProcedureJob(Database& database, const Clock& clock, const ProcedureLimits& limits)
      : database_(database), clock_(clock), limits_(limits) {}

  [[nodiscard]] std::string name() const override { return kName; }
  void step(Executor& strand, std::function<void(Result<bool>)> on_done) override;

 private:
  Database& database_;
  const Clock& clock_;
  const ProcedureLimits limits_;
};

}  // namespace mnema
