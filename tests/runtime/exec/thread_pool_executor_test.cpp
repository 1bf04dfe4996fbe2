#include "runtime/exec/thread_pool_executor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace mnema {
namespace {

TEST(ThreadPoolExecutor, RunsWorkInOrderOnOneThread) {
  ThreadPoolExecutor pool("one", 1);
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < 1'000; ++i) pool.post([&order, i] { order.push_back(i); });
  pool.post([&] { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(order.size(), 1'000U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadPoolExecutor, RunsWorkBesideOtherWorkOnSeveral) {
  std::latch together(3);  // outlives the threads that wait for it
  ThreadPoolExecutor pool("three", 3);
  for (int i = 0; i < 3; ++i) pool.post([&] { together.arrive_and_wait(); });
  together.wait();  // ends only if all three run at once
  EXPECT_EQ(pool.threads(), 3);
}

TEST(ThreadPoolExecutor, RunsDelayedWorkInTheOrderOfItsTimes) {
  ThreadPoolExecutor pool("delays", 1);
  std::vector<int> order;
  std::promise<void> done;
  pool.post_after(std::chrono::milliseconds(30), [&] {
    order.push_back(2);
    done.set_value();
  });
  pool.post_after(std::chrono::milliseconds(5), [&] { order.push_back(1); });
  pool.post_after(Duration(0), [&] { order.push_back(0); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(ThreadPoolExecutor, LetsAnIdleThreadRunDelayedWorkWhileTheOneThatWatchedIsBusy) {
  ThreadPoolExecutor pool("watch", 2);
  std::promise<void> second;
  std::promise<bool> in_time;
  pool.post_after(std::chrono::milliseconds(20), [&] {
    in_time.set_value(second.get_future().wait_for(std::chrono::seconds(5)) == std::future_status::ready);
  });
  pool.post_after(std::chrono::milliseconds(40), [&] { second.set_value(); });
  EXPECT_TRUE(in_time.get_future().get());
}

TEST(ThreadPoolExecutor, FinishesWhatIsQueuedAndDropsWhatIsNotDueWhenItStops) {
  ThreadPoolExecutor pool("stops", 2);
  std::atomic<int> run = 0;
  auto held = std::make_shared<int>(1);
  for (int i = 0; i < 100; ++i) {
    pool.post([&] {
      ++run;
      if (run <= 10) pool.post([&] { ++run; });  // work of our own work belongs to it
    });
  }
  pool.post_after(std::chrono::hours(1), [held] { FAIL() << "an hour has not passed"; });
  pool.stop();
  EXPECT_GE(run, 100);
  EXPECT_EQ(held.use_count(), 1) << "what dropped work owned is freed";
  pool.post([&run] { run = 0; });
  EXPECT_NE(run, 0) << "nothing runs any more";
  pool.check_integrity();
}

TEST(ThreadPoolExecutor, LeavesAThreadThatHangsBehindAndDropsWhatIsQueued) {
  auto pool = std::make_unique<ThreadPoolExecutor>("hangs", 2);
  const auto inside = std::make_shared<std::latch>(2);
  const auto let_go = std::make_shared<std::latch>(1);
  const auto passed = std::make_shared<std::promise<void>>();
  pool->post([inside, let_go, passed] {
    inside->count_down();
    let_go->wait();
    passed->set_value();
  });
  pool->post([inside] { inside->count_down(); });
  inside->wait();
  auto held = std::make_shared<int>(1);
  pool->post_after(std::chrono::hours(1), [held] { FAIL() << "an hour has not passed"; });
  EXPECT_EQ(pool->stop_by(SystemClock().monotonic_now() + std::chrono::milliseconds(20)), 1);
  EXPECT_EQ(held.use_count(), 1) << "what dropped work owned is freed";
  pool->post([] { FAIL() << "nothing runs any more"; });
  pool->check_integrity();
  pool.reset();
  let_go->count_down();  // the work that hung ends after its pool
  passed->get_future().wait();
}

TEST(ThreadPoolExecutor, EndsByItsDeadlineWithoutRunningWhatIsQueued) {
  ThreadPoolExecutor pool("ends", 1);
  std::atomic<int> run = 0;
  std::latch inside(1);
  pool.post([&] {
    inside.count_down();
    pool.post([&run] { ++run; });
    while (pool.queued() > 0) std::this_thread::yield();
  });
  inside.wait();
  EXPECT_EQ(pool.stop_by(MonotonicTime::max()), 0);
  EXPECT_EQ(run, 0);
  pool.check_integrity();
}

TEST(ThreadPoolExecutor, TakesWorkFromManyThreadsWithoutLosingAny) {
  ThreadPoolExecutor sources("sources", 4);
  ThreadPoolExecutor pool("pool", 2);
  std::atomic<int> run = 0;
  for (int i = 0; i < 400; ++i) {
    sources.post([&] {
      for (int k = 0; k < 5; ++k) pool.post([&] { ++run; });
    });
  }
  sources.stop();
  pool.stop();
  EXPECT_EQ(run, 2'000);
  sources.check_integrity();
  pool.check_integrity();
}

}  // namespace
}  // namespace mnema
