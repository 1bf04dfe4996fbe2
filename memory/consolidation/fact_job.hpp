// memory/consolidation/fact_job.hpp
//
// Episodes into claims, and claims into facts: reads a few episodes behind the watermark, extracts what they claim
// outside of any unit of work, and writes that together with the watermark. Other rules than those of the last run
// (semantic::kRulesVersion): everything is read again from the beginning, each episode's claims in place of those
// before.
//
// Threads:   as ConsolidationJob.
// Ownership: borrows the database.
#pragma once

#include "memory/consolidation/job.hpp"
#include "memory/semantic/fact.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class FactJob final : public ConsolidationJob {
 public:
  static constexpr const char* kName = "facts";
  /// Of one unit of work: it ends behind the first episode with which it reaches one of them.
  struct Bounds {
    int episodes = 64;
    int rows = 150;  // of claims and facts, read or written; an episode's claims stay together, whatever they add
  };

  FactJob(Database& database, FactLimits limits) : FactJob(database, limits, Bounds{}) {}
  FactJob(Database& database, FactLimits limits, Bounds bounds)
      : database_(database), limits_(limits), bounds_(bounds) {}

  [[nodiscard]] std::string name() const override { return kName; }
  void step(Executor& strand, std::function<void(Result<bool>)> on_done) override;

 private:
  Database& database_;
  const FactLimits limits_;
  const Bounds bounds_;
};

}  // namespace mnema
