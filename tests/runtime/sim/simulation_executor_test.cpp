#include "runtime/sim/simulation_executor.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mnema {
namespace {

/// Who ran when, with two threads and a pool that post to each other.
std::string scenario(std::uint64_t seed) {
  Simulation simulation(seed);
  std::string text;
  Executor& a = simulation.lane("a");
  Executor& b = simulation.lane("b");
  Executor& pool = simulation.lane("pool", Simulation::LaneKind::kAnyOrder);
  for (int i = 0; i < 5; ++i) {
    a.post([&text, &pool, i] {
      text += "a" + std::to_string(i);
      pool.post([&text, i] { text += "p" + std::to_string(i); });
    });
    b.post_after(std::chrono::seconds(i % 2), [&text, i] { text += "b" + std::to_string(i); });
  }
  simulation.run_until_idle();
  simulation.check_integrity();
  return text;
}

TEST(SimulationExecutor, IsAnInterleavingPerSeed) {
  std::set<std::string> scenarios;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(scenario(seed), scenario(seed));
    scenarios.insert(scenario(seed));
  }
  EXPECT_GT(scenarios.size(), 10U);
  for (const std::string& text : scenarios) {
    EXPECT_LT(text.find("a0"), text.find("a1")) << "a lane that stands for a thread keeps its order";
  }
}

TEST(SimulationExecutor, MovesTimeOnlyWhenNothingIsReady) {
  Simulation simulation(1);
  Executor& lane = simulation.lane("lane");
  const Time start = simulation.clock().now();
  std::vector<long long> times;
  const auto note = [&] { times.push_back((simulation.clock().now() - start).count()); };
  lane.post_after(std::chrono::seconds(2), note);
  lane.post_after(std::chrono::seconds(1), [&] {
    note();
    lane.post(note);
  });
  lane.post(note);
  EXPECT_TRUE(simulation.run_until_idle());
  EXPECT_EQ(times, (std::vector<long long>{0, 1'000'000, 1'000'000, 2'000'000}));
}

TEST(SimulationExecutor, StandsExactlyWhereItWasToldToGo) {
  Simulation simulation(1);
  bool ran = false;
  const Time start = simulation.clock().now();
  simulation.lane("lane").post_after(std::chrono::seconds(5), [&] { ran = true; });
  simulation.run_for(std::chrono::seconds(3));
  EXPECT_EQ(simulation.clock().now() - start, std::chrono::seconds(3));
  EXPECT_FALSE(ran);
  EXPECT_FALSE(simulation.run_until([&] { return ran; }, std::chrono::seconds(1))) << "the horizon is nearer";
  EXPECT_TRUE(simulation.run_until([&] { return ran; }));
}

TEST(SimulationExecutor, DropsAllWorkAndWhatItsEndPostsInACrash) {
  Simulation simulation(1);
  Executor& lane = simulation.lane("lane");
  struct Poster {
    Executor& lane;
    ~Poster() {
      lane.post([] { FAIL() << "posted by the dead"; });
    }
  };
  auto poster = std::make_shared<Poster>(lane);
  lane.post([poster] {});
  lane.post_after(std::chrono::seconds(1), [poster] {});
  poster.reset();
  simulation.crash();
  EXPECT_TRUE(simulation.run_until_idle());
  bool ran = false;
  lane.post([&] { ran = true; });
  simulation.run_ready();
  EXPECT_TRUE(ran) << "a new process has the same lanes";
  simulation.check_integrity();
}

TEST(SimulationExecutor, KeepsTheLanesThatAreNamedUntilACrashHasEnded) {
  Simulation simulation(1);
  Executor& engine = simulation.lane("engine");
  Executor& loop = simulation.lane("loop");
  int steps = 0;
  engine.post_after(std::chrono::milliseconds(1), [&] {
    ++steps;
    loop.post([] { FAIL() << "an answer to the dead"; });
  });
  loop.post([] { FAIL() << "work of the dead"; });
  simulation.begin_crash({"engine"});
  EXPECT_TRUE(simulation.run_until_idle());
  EXPECT_EQ(steps, 1);
  engine.post([] { FAIL() << "it has ended"; });
  simulation.end_crash();
  EXPECT_TRUE(simulation.run_until_idle());
  simulation.check_integrity();
}

TEST(SimulationExecutor, SetsTheWallClockAndMovesNoDelay) {
  Simulation simulation(1);
  const Time wall = simulation.clock().now();
  const MonotonicTime start = simulation.clock().monotonic_now();
  MonotonicTime ran_at{};
  simulation.lane("lane").post_after(std::chrono::seconds(5), [&] { ran_at = simulation.clock().monotonic_now(); });
  simulation.step_wall_clock(-std::chrono::hours(1));
  EXPECT_EQ(simulation.clock().now() - wall, -std::chrono::hours(1));
  EXPECT_EQ(simulation.clock().monotonic_now(), start);
  simulation.run_until_idle();
  EXPECT_EQ(ran_at - start, std::chrono::seconds(5));
  EXPECT_EQ(simulation.clock().now() - wall, std::chrono::seconds(5) - std::chrono::hours(1));
}

}  // namespace
}  // namespace mnema
