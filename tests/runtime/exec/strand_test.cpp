#include "runtime/exec/strand.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema {
namespace {

TEST(Strand, RunsWorkInOrderAndNeverBesideItself) {
  ThreadPoolExecutor pool("pool", 4);
  constexpr int kStrands = 3;
  constexpr int kWork = 2'000;
  struct Line {
    explicit Line(Executor& underneath) : strand(underneath) {}
    Strand strand;
    std::atomic<int> inside = 0;
    std::vector<int> order;
  };
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < kStrands; ++i) lines.push_back(std::make_unique<Line>(pool));
  for (int i = 0; i < kWork; ++i) {
    for (const auto& line : lines) {
      line->strand.post([at = line.get(), i] {
        EXPECT_EQ(++at->inside, 1);
        at->order.push_back(i);
        --at->inside;
      });
    }
  }
  pool.stop();
  for (const auto& line : lines) {
    ASSERT_EQ(line->order.size(), static_cast<std::size_t>(kWork)) << "work of a strand is work that is queued";
    EXPECT_TRUE(std::is_sorted(line->order.begin(), line->order.end()));
  }
}

TEST(Strand, RunsWhatWasPostedBeforeItWent) {
  Simulation simulation(1);
  Executor& pool = simulation.lane("pool", Simulation::LaneKind::kAnyOrder);
  std::vector<int> order;
  {
    Strand strand(pool);
    for (int i = 0; i < 5; ++i) strand.post([&order, i] { order.push_back(i); });
    strand.post_after(std::chrono::seconds(1), [&order] { order.push_back(5); });
  }
  simulation.run_until_idle();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(Strand, SharesItsThreadWithOtherWork) {
  Simulation simulation(1);
  Executor& thread = simulation.lane("thread");
  Strand busy(thread);
  std::vector<char> order;
  for (int i = 0; i < 3; ++i) busy.post([&order] { order.push_back('b'); });
  thread.post([&order] { order.push_back('o'); });
  simulation.run_ready();
  EXPECT_EQ(order, (std::vector<char>{'b', 'o', 'b', 'b'}));
}

TEST(Strand, LetsGoOfWorkThatItsExecutorDrops) {
  Simulation simulation(1);
  auto held = std::make_shared<int>(1);
  auto strand = std::make_shared<Strand>(simulation.lane("pool"));
  for (int i = 0; i < 3; ++i) strand->post([held, strand] { FAIL() << "the process is gone"; });
  simulation.crash();
  EXPECT_EQ(held.use_count(), 1) << "work that holds its strand does not keep itself";
  bool ran = false;
  strand->post([&ran] { ran = true; });
  simulation.run_ready();
  EXPECT_TRUE(ran) << "and the strand goes on where its executor does";
}

}  // namespace
}  // namespace mnema
