#include "cli/bench/vectors_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

TEST(VectorsBench, MeasuresBothSidesOnTheSameVectors) {
  if (std::getenv("MNEMA_SANITIZED") != nullptr) {
    GTEST_SKIP() << "sanitizers see hnswlib, the yardstick, read behind what it has allocated";
  }
  VectorsBenchOptions options;
  options.dimensions = 16;
  options.rounds = 1;
  options.widths = {10, 200};
  const VectorsBenchResult result = run_vectors_bench(options, synthetic_vectors(3'000, 50, 16, 1));
  ASSERT_TRUE(result.hnswlib.has_value());
  ASSERT_EQ(result.ours.points.size(), 2U);
  ASSERT_EQ(result.hnswlib->points.size(), 2U);
  EXPECT_GE(result.hnswlib->points[1].recall, 0.95);
  EXPECT_GE(result.ours.points[1].recall, 0.95);
  EXPECT_GE(result.exact.recall, 0.95);
  EXPECT_GE(result.filtered.recall, 0.95);
}

TEST(VectorsBench, InterpolatesBetweenTheWidthsAroundARecall) {
  VectorsBenchSide side;
  side.points.resize(2);
  side.points[0].recall = 0.9;
  side.points[0].latency.p50_ms = 1;
  side.points[1].recall = 1.0;
  side.points[1].latency.p50_ms = 3;
  EXPECT_NEAR(p50_ms_at(side, 0.95).value(), 2, 1e-6);
  EXPECT_FALSE(p50_ms_at(side, 0.8).has_value()) << "below the narrowest";
}

TEST(VectorsBench, MakesMoreOfAFileThatHasTooFewAndHoldsItsQuestionsOut) {
  const testing::TemporaryFolder folder;
  const BenchVectorSets made = synthetic_vectors(1'000, 1, 8, 7);
  const std::string bytes(reinterpret_cast<const char*>(made.stored.values.data()),
                          made.stored.values.size() * sizeof(float));
  const Result<BenchVectorSets> sets = vectors_of_file(folder.write("v.f32", bytes), 2'000, 50, 8, 1);
  ASSERT_TRUE(sets.ok()) << sets.error().text();
  EXPECT_EQ(sets->stored.count(), 2'000U);
  EXPECT_EQ(sets->queries.count(), 50U);
  for (std::size_t i = 0; i < sets->stored.count(); ++i) {
    float squares = 0;
    for (const float component : sets->stored.at(i)) squares += component * component;
    ASSERT_NEAR(squares, 1, 1e-3) << i;
    ASSERT_FALSE(std::ranges::equal(sets->stored.at(i), sets->queries.at(0))) << i;
  }
  EXPECT_EQ(vectors_of_file(folder.write("v.f32", bytes.substr(1)), 2'000, 50, 8, 1).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(vectors_of_file(folder / "none", 2'000, 50, 8, 1).error().code, ErrorCode::kStorage);
}

}  // namespace
}  // namespace mnema
