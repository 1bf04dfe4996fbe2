// The whole program on one thread, from a seed: HTTP connections, webhooks, mailbox, turns with steps, tools and the
// real engine, memory, outbox, timers, the real client with its breaker; over a disk that forgets what was not synced
// and sometimes fails, a network that fails in every way, and a wall clock that is set; in a process that dies at any
// point. A seed is a scenario (sim/scenario.hpp); `MNEMA_CAMPAIGN=1` runs all of them, else a tenth.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "agents/agent_runtime.hpp"
#include "runtime/base/log.hpp"
#include "tests/agents/sim/scenario.hpp"

namespace mnema {
namespace {

using testing::Scenario;
using testing::SometimesTable;

/// Disks and networks fail here as a matter of course: nobody wants to read of it.
class SimulationOfAgents : public ::testing::Test {
 protected:
  void SetUp() override {
    LogOptions options;
    options.level = std::getenv("MNEMA_SEED") != nullptr ? LogLevel::kWarning : LogLevel::kOff;
    ASSERT_TRUE(configure_log(options).ok());
  }
  void TearDown() override { EXPECT_TRUE(configure_log({}).ok()); }
};

TEST_F(SimulationOfAgents, LosesNothingDoesNothingTwiceAndKeepsOrderWhateverDiesWhen) {
  const char* only = std::getenv("MNEMA_SEED");  // one scenario, as a failure names it
  const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  const std::uint64_t seeds = only != nullptr ? 1 : std::getenv("MNEMA_CAMPAIGN") != nullptr ? 2'000 : 200;
  SometimesTable sometimes(testing::branches_to_reach());
  int crashes = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Scenario scenario(seed, sometimes);
    scenario.run();
    scenario.check();
    crashes += scenario.crashes();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ":\n" << scenario.trace();
  }
  std::printf("Branches reached by %llu scenarios with %d crashes:\n%s", static_cast<unsigned long long>(seeds),
              crashes, sometimes.text().c_str());
  if (only != nullptr) return;
  EXPECT_EQ(sometimes.never_hit(), std::vector<std::string>()) << "branches that no scenario came to";
  EXPECT_GT(crashes, static_cast<int>(seeds)) << "the scenarios are about surviving";
}

TEST_F(SimulationOfAgents, RunsTheSameScenarioForTheSameSeed) {
  std::set<std::string> traces;
  SometimesTable sometimes(testing::branches_to_reach());
  for (const std::uint64_t seed : {7U, 8U, 9U}) {
    std::string first;
    for (int time = 0; time < 2; ++time) {
      Scenario scenario(seed, sometimes);
      scenario.run();
      EXPECT_GT(scenario.trace().size(), 1'000U);
      if (time == 0) first = scenario.trace();
      EXPECT_EQ(scenario.trace(), first) << "seed " << seed;
    }
    traces.insert(first);
  }
  EXPECT_EQ(traces.size(), 3U);
}

}  // namespace
}  // namespace mnema
