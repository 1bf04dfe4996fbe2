#include "memory/consolidation/job_runner.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

/// Work that is counted.
class CountedJob final : public ConsolidationJob {
 public:
  CountedJob(std::string name, int units, std::string& trace) : name_(std::move(name)), left_(units), trace_(trace) {}
  [[nodiscard]] std::string name() const override { return name_; }
  void step(Executor&, std::function<void(Result<bool>)> on_done) override {
    if (failures_left > 0) {
      --failures_left;
      trace_ += "!";
      return on_done(fail(ErrorCode::kStorage, "the disk is full"));
    }
    if (left_ == 0) return on_done(false);
    trace_ += name_;
    on_done(--left_ > 0);
  }
  int failures_left = 0;

 private:
  const std::string name_;
  int left_;
  std::string& trace_;
};

struct Runner {
  explicit Runner(JobRunner::Options options = {})
      : jobs(std::make_shared<JobRunner>(simulation.lane("background"), simulation.clock(), options)) {}
  CountedJob& add(const std::string& name, int units) {
    auto job = std::make_unique<CountedJob>(name, units, trace);
    CountedJob& added = *job;
    jobs->add(std::move(job));
    return added;
  }
  Simulation simulation{1};
  std::string trace;
  std::shared_ptr<JobRunner> jobs;
};

TEST(JobRunner, RunsTheMostUrgentJobFirst) {
  Runner runner;
  runner.add("a", 3);
  runner.add("b", 2);
  runner.jobs->wake();
  runner.simulation.run_until_idle(std::chrono::seconds(1));
  EXPECT_EQ(runner.trace, "aaabb");
}

TEST(JobRunner, WaitsWhileMemoryIsUsedButNotForEver) {
  Runner runner;
  runner.add("a", 1);
  runner.jobs->note_use();
  runner.jobs->wake();
  for (int i = 0; i < 20; ++i) {
    runner.simulation.run_for(std::chrono::milliseconds(100));
    runner.jobs->note_use();
  }
  EXPECT_EQ(runner.trace, "") << "two busy seconds";
  for (int i = 0; i < 40; ++i) {
    runner.simulation.run_for(std::chrono::milliseconds(100));
    runner.jobs->note_use();
  }
  EXPECT_EQ(runner.trace, "a") << "six busy seconds";
}

TEST(JobRunner, DoesNotWaitForIdleTimeWhenSomebodyWaitsForIt) {
  Runner runner;
  runner.add("a", 2);
  runner.jobs->note_use();
  bool done = false;
  runner.jobs->when_done(runner.simulation.lane("loop"), [&](const Status& status) { done = status.ok(); });
  runner.simulation.run_ready();
  EXPECT_TRUE(done);
  EXPECT_EQ(runner.trace, "aa");
}

TEST(JobRunner, TriesAgainAfterAFailure) {
  Runner runner;
  runner.add("a", 1).failures_left = 3;
  runner.jobs->wake();
  runner.simulation.run_for(std::chrono::milliseconds(500));
  EXPECT_EQ(runner.trace, "!");
  runner.simulation.run_for(std::chrono::seconds(10));
  EXPECT_EQ(runner.trace, "!!!a");
  EXPECT_EQ(runner.jobs->counts().failures, 3);
}

TEST(JobRunner, BeginsNothingAfterItsEnd) {
  Runner runner;
  runner.add("a", 100);
  runner.jobs->close();
  Status answer;
  runner.jobs->when_done(runner.simulation.lane("loop"), [&](const Status& status) { answer = status; });
  runner.simulation.run_until_idle(std::chrono::seconds(1));
  EXPECT_EQ(runner.trace, "");
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace mnema
