#include "cli/bench/latency.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(Latency, SaysPercentilesThatReallyOccurred) {
  std::vector<Duration> waits;
  for (int ms = 200; ms >= 1; --ms) waits.emplace_back(std::chrono::milliseconds(ms));
  const Latency latency = latency_of(waits);
  EXPECT_EQ(latency.n, 200u);
  EXPECT_DOUBLE_EQ(latency.p50_ms, 100);
  EXPECT_DOUBLE_EQ(latency.p99_ms, 198);
  EXPECT_DOUBLE_EQ(latency.max_ms, 200);
}

TEST(Latency, OfNothingIsNothing) { EXPECT_EQ(latency_of({}).n, 0u); }

TEST(Latency, OfOneWaitIsThatWait) {
  const Latency latency = latency_of({std::chrono::microseconds(1500)});
  EXPECT_DOUBLE_EQ(latency.p50_ms, 1.5);
  EXPECT_DOUBLE_EQ(latency.p99_ms, 1.5);
}

}  // namespace
}  // namespace mnema
