// memory/consolidation/job.hpp
//
// The seam of consolidation: what turns episodes into something that is found faster, or says more. A job works in
// units, each of which leaves everything right if it is the last one.
//
// Threads:   `step` on the runner's strand, never two at a time; it answers there.
// Ownership: kept by the runner.
#pragma once

#include <functional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class ConsolidationJob {
 public:
  virtual ~ConsolidationJob() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  /// Does one unit of work, of at most 500 rows, and says whether there may be more.
  virtual void step(Executor& strand, std::function<void(Result<bool> has_more)> on_done) = 0;
};

}  // namespace mnema
