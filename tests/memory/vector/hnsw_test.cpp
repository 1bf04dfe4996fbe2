#include "memory/vector/hnsw.hpp"

#include <gtest/gtest.h>

#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::nearest;
using testing::random_vector;
using testing::record_of;

constexpr int kDimensions = 32;

struct Graph {
  explicit Graph(std::size_t count, std::size_t capacity = 0)
      : segment(codec, capacity == 0 ? count : capacity, HnswParameters{}) {
    for (std::size_t i = 0; i < count; ++i) {
      vectors.push_back(random_vector(random, kDimensions));
      segment.add(static_cast<VectorLabel>(i), record_of(codec, vectors.back(), i % 10).data());
    }
  }
  std::vector<VectorMatch> search(const std::vector<float>& query, std::size_t count, std::size_t width,
                                  const VectorFilter& filter = {}) {
    BestMatches best(count);
    segment.search(record_of(codec, query).data(), width, filter, best);
    return best.take();
  }
  SeededRandom random{1};
  VectorCodec codec{kDimensions};
  HnswSegment segment;
  std::vector<std::vector<float>> vectors;
};

TEST(HnswSegment, FindsNearlyAllThatAnExactSearchFinds) {
  Graph graph(2'000);
  double recall = 0;
  for (int i = 0; i < 50; ++i) {
    const std::vector<float> query = random_vector(graph.random, kDimensions);
    recall += testing::recall_of(nearest(graph.vectors, query, 10), graph.search(query, 10, 64)) / 50;
  }
  EXPECT_GE(recall, 0.9);
  graph.segment.check_integrity();
}

TEST(HnswSegment, ReturnsNothingRemovedAndFindsWayThroughIt) {
  Graph graph(500);
  for (VectorLabel label = 0; label < 400; ++label) EXPECT_TRUE(graph.segment.remove(label));
  EXPECT_FALSE(graph.segment.remove(0));
  EXPECT_EQ(graph.segment.live(), 100U);
  EXPECT_EQ(graph.segment.find(0), nullptr);
  const auto found = graph.search(graph.vectors[0], 100, 500);
  EXPECT_EQ(found.size(), 100U);
  for (const VectorMatch& match : found) EXPECT_GE(match.label, 400);
  graph.segment.check_integrity();
}

TEST(HnswSegment, TakesBackWhatWasRemoved) {
  Graph graph(100, 101);
  ASSERT_TRUE(graph.segment.remove(7));
  EXPECT_TRUE(graph.segment.add(7, record_of(graph.codec, graph.vectors[7], 3).data()));
  EXPECT_FALSE(graph.segment.add(7, record_of(graph.codec, graph.vectors[8], 3).data())) << "it is there";
  EXPECT_EQ(graph.segment.live(), 100U);
  EXPECT_EQ(graph.search(graph.vectors[7], 1, 64)[0].label, 7);
  graph.segment.check_integrity();
}

TEST(HnswSegment, ShowsOnlyWhatTheFilterAdmits) {
  Graph graph(300);
  VectorFilter filter;
  filter.groups = {3};
  const auto walked = graph.search(graph.vectors[3], 300, 300, filter);
  EXPECT_EQ(walked.size(), 30U);
  BestMatches best(300);
  graph.segment.scan(record_of(graph.codec, graph.vectors[3]).data(), filter, best);
  EXPECT_EQ(best.take().size(), 30U);
}

TEST(HnswSegment, SaysWhenItIsFull) {
  Graph graph(9, 10);
  EXPECT_FALSE(graph.segment.full());
  graph.segment.add(9, record_of(graph.codec, random_vector(graph.random, kDimensions)).data());
  EXPECT_TRUE(graph.segment.full());
  EXPECT_EQ(graph.segment.live_labels(3), (std::vector<VectorLabel>{0, 1, 2}));
}

}  // namespace
}  // namespace mnema
