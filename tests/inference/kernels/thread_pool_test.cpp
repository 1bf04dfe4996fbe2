#include "inference/kernels/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace mnema {
namespace {

TEST(ThreadPool, RunsASectionOnEveryWorkerOnce) {
  ThreadPool pool(3, false);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> calls(3, 0);
    pool.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
    ASSERT_EQ(calls, (std::vector<int>{1, 1, 1}));
  }
}

TEST(ThreadPool, NobodyPassesABarrierBeforeAllHaveReachedIt) {
  ThreadPool pool(4, false);
  std::atomic<int> arrived{0};
  std::atomic<int> early{0};
  pool.run([&](int worker) {
    for (int round = 1; round <= 100; ++round) {
      arrived.fetch_add(1);
      pool.barrier(worker);
      if (arrived.load() < round * 4) early.fetch_add(1);
      pool.barrier(worker);
    }
  });
  EXPECT_EQ(arrived.load(), 400);
  EXPECT_EQ(early.load(), 0);
}

TEST(ShareOf, CoversEverythingOnceInWholeGrains) {
  for (const std::size_t n : {0U, 1U, 7U, 16U, 100U}) {
    for (int threads = 1; threads <= 5; ++threads) {
      std::size_t next = 0;
      for (int worker = 0; worker < threads; ++worker) {
        const Share share = share_of(n, 4, worker, threads);
        EXPECT_EQ(share.begin, next);
        EXPECT_LE(share.begin, share.end);
        EXPECT_TRUE(share.end % 4 == 0 || share.end == n);
        next = share.end;
      }
      EXPECT_EQ(next, n);
    }
  }
}

}  // namespace
}  // namespace mnema
