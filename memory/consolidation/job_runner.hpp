// memory/consolidation/job_runner.hpp
//
// Runs the jobs of consolidation while memory is idle: a unit of work at a time, in the background, and none while
// turns use memory, unless work has waited for `wait_max`, so that a busy server falls behind by that much and no
// further. Of the jobs with work the first that was added goes first. A job that fails is tried again after a growing
// pause.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows the executor and the clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "memory/consolidation/job.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

class JobRunner : public std::enable_shared_from_this<JobRunner> {
 public:
  struct Options {
    Duration quiet = std::chrono::milliseconds(200);  // without recall and new episodes: idle
    Duration wait_max = std::chrono::seconds(5);
    Duration pause_min = std::chrono::seconds(1);  // after a failure
    Duration pause_max = std::chrono::minutes(1);
  };
  struct Counts {
    std::int64_t units = 0;
    std::int64_t failures = 0;
  };

  JobRunner(Executor& background, const Clock& clock, Options options)
      : strand_(background), clock_(clock), options_(options) {}

  /// Before the first `wake`. The most urgent one first.
  void add(std::unique_ptr<ConsolidationJob> job) { jobs_.push_back({std::move(job)}); }
  /// There may be work.
  void wake();
  /// A turn uses memory now.
  void note_use() { used_at_ = clock_.monotonic_now().time_since_epoch().count(); }
  /// Calls back when no job has work, without waiting for memory to be idle; or with a job's error.
  void when_done(Executor& reply_to, std::function<void(Status)> on_done);
  /// No unit is begun any more; who waits gets `kCancelled`.
  void close();
  [[nodiscard]] Counts counts() const { return {units_, failures_}; }

 private:
  struct Entry {
    std::unique_ptr<ConsolidationJob> job;
    bool has_work = false;
  };

  void pump();
  void wait(Duration pause);
  void on_step(std::size_t index, const Result<bool>& has_more);
  void answer(const Status& status);
  [[nodiscard]] Duration until_idle() const;

  Strand strand_;
  const Clock& clock_;
  const Options options_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::int64_t> used_at_ = std::int64_t{-1} << 62;  // microseconds, monotonic
  std::atomic<std::int64_t> units_ = 0;
  std::atomic<std::int64_t> failures_ = 0;
  // of the strand
  std::vector<Entry> jobs_;
  bool busy_ = false;   // a unit is in flight
  bool waits_ = false;  // a timer is set
  int failed_ = 0;      // in a row
  std::optional<MonotonicTime> work_since_;
  std::vector<std::pair<Executor*, std::function<void(Status)>>> waiting_;
};

}  // namespace mnema
