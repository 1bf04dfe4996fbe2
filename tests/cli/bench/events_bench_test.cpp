#include "cli/bench/events_bench.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace mnema {
namespace {

class EventsBench : public testing::Test {
 protected:
  EventsBench() {
    folder_ = (std::filesystem::temp_directory_path() / "mnema-bench-test-XXXXXX").string();
    made_ = ::mkdtemp(folder_.data()) != nullptr;
    options_.folder = folder_;
    options_.events = 300;
    options_.keys = 20;
    options_.rate = 400;
    options_.rate_s = 0.2;
    options_.step_rate = 100;
    options_.idle_agents = 50;
    options_.idle_s = 0.1;
    options_.growth_events = 100;
    options_.batched_events = 300;
    options_.batch_events = 40;
    options_.coalesce_rate = 1'000;
    options_.coalesce_s = 0.5;
    options_.disk_each = std::chrono::milliseconds(20);
    options_.embedding = {};
  }
  ~EventsBench() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  bool made_ = false;
  EventsBenchOptions options_;
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(EventsBench, CountsEveryEventInEveryPhase) {
  ASSERT_TRUE(made_);
  const Result<EventsBenchResult> result = run_events_bench(options_, clock_, random_);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_GT(result->burst.turns_per_s, 0);
  EXPECT_GE(result->burst.accepted_per_s, result->burst.turns_per_s);
  EXPECT_GT(result->backlog.turns_per_s, 0);
  EXPECT_GT(result->batches.batched_per_s, 0);
  EXPECT_GT(result->batches.single_per_s, 0);
  EXPECT_EQ(result->coalesce.staleness.n, 500u);
  EXPECT_GT(result->coalesce.events_per_turn, 1);
  EXPECT_EQ(result->paced.commit.n, 80u);
  EXPECT_GE(result->paced.commit.max_ms, result->paced.commit.p50_ms);
  EXPECT_EQ(result->paced.handler.n, 80u);
  EXPECT_LE(result->paced.handler.p50_ms, result->paced.commit.p50_ms);
  EXPECT_EQ(result->steps.turn.n, 20u);
  EXPECT_GT(result->steps.turn.p50_ms, 0);
  EXPECT_EQ(result->idle.agents, 50);
  EXPECT_EQ(result->growth.back().events, 100);
  EXPECT_GT(result->growth.back().mib, 0);
  EXPECT_GT(result->tenants.beside.n, 0u);
  EXPECT_EQ(result->disk.groups.size(), 4u);
}

TEST_F(EventsBench, LeavesNothingInTheFolderItMeasured) {
  ASSERT_TRUE(made_);
  options_.growth_events = 0;
  options_.tenants = 1;
  const Result<EventsBenchResult> result = run_events_bench(options_, clock_, random_);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(EventsBench, SaysWhichFolderItCannotMeasure) {
  options_.growth_events = 0;
  options_.folder = folder_ + "/is/not/there";
  const Result<EventsBenchResult> result = run_events_bench(options_, clock_, random_);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().text().find("is/not/there"), std::string::npos);
}

}  // namespace
}  // namespace mnema
