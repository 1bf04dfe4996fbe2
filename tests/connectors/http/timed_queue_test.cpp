#include "connectors/http/timed_queue.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

using std::chrono::seconds;

TEST(TimedQueue, RunsWorkInOrderAndWhenItIsDue) {
  Simulation simulation(1);
  int wakes = 0;
  TimedQueue queue(simulation.clock(), [&] { ++wakes; });
  std::string ran;
  EXPECT_FALSE(queue.patience().has_value());
  queue.post([&] { ran += 'a'; });
  queue.post([&] { ran += 'b'; });
  queue.post_after(seconds(5), [&] { ran += 'd'; });
  queue.post_after(seconds(2), [&] { ran += 'c'; });
  EXPECT_EQ(queue.patience(), Duration::zero());
  queue.run_due();
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(queue.patience(), seconds(2));
  simulation.run_for(seconds(2));
  queue.run_due();
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(wakes, 3) << "once for what is ready, and for each new earliest time";
}

TEST(TimedQueue, TakesNothingAfterItIsClosed) {
  Simulation simulation(1);
  TimedQueue queue(simulation.clock(), [] {});
  queue.post([&] { queue.post([] {}); });
  EXPECT_FALSE(queue.close_if_idle());
  queue.run_due();
  EXPECT_FALSE(queue.close_if_idle());
  queue.run_due();
  queue.post_after(seconds(1), [] { FAIL() << "it was dropped"; });
  EXPECT_TRUE(queue.close_if_idle());
  EXPECT_FALSE(queue.offer([] { FAIL() << "it was refused"; }));
  simulation.run_for(seconds(2));
  queue.run_due();
  queue.check_integrity();
}

}  // namespace
}  // namespace mnema
