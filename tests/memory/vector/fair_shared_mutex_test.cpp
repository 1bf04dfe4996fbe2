#include "memory/vector/fair_shared_mutex.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mnema {
namespace {

// Two readers that hand the lock to each other without a gap: whoever lets them pass a waiting writer starves it.
TEST(FairSharedMutex, LetsAWriterInAlthoughReadersKeepComing) {
  FairSharedMutex mutex;
  std::atomic<int> reading = 0;
  std::atomic<bool> written = false;
  std::atomic<int> rounds = 0;
  const auto read = [&] {
    while (!written && rounds < 1'000'000) {
      const std::shared_lock lock(mutex);
      ++rounds;
      ++reading;
      // Stay until the other one is in as well, but not for ever: it may be waiting behind the writer.
      for (int i = 0; i < 1'000 && reading < 2 && !written; ++i) std::this_thread::yield();
      --reading;
    }
  };
  std::thread first(read);
  std::thread second(read);
  while (rounds < 100) std::this_thread::yield();
  {
    const std::unique_lock lock(mutex);
    EXPECT_EQ(reading, 0);
    written = true;
  }
  const int rounds_until_written = rounds;
  first.join();
  second.join();
  EXPECT_LT(rounds_until_written, 1'000'000);
}

}  // namespace
}  // namespace mnema
