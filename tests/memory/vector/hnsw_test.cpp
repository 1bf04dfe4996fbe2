#include "memory/vector/hnsw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

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

/// Groups of vectors that differ from one another by little, as the wordings of one thing do.
std::vector<std::vector<float>> clustered(Random& random, std::size_t clusters, std::size_t each, float spread) {
  std::vector<std::vector<float>> vectors;
  for (std::size_t c = 0; c < clusters; ++c) {
    const std::vector<float> centre = random_vector(random, kDimensions);
    for (std::size_t i = 0; i < each; ++i) {
      std::vector<float> vector = random_vector(random, kDimensions);
      float squares = 0;
      for (std::size_t k = 0; k < vector.size(); ++k) {
        vector[k] = centre[k] + spread * vector[k];
        squares += vector[k] * vector[k];
      }
      for (float& component : vector) component /= std::sqrt(squares);
      vectors.push_back(std::move(vector));
    }
  }
  return vectors;
}

TEST(HnswSegment, FindsNearlyAllInClustersOfAnyTightness) {
  for (const float spread : {1.0F, 0.3F, 0.1F}) {
    Graph graph(0, 4'000);
    graph.vectors = clustered(graph.random, 100, 40, spread);
    // One cluster after the other: the worst order.
    for (std::size_t i = 0; i < graph.vectors.size(); ++i) {
      graph.segment.add(static_cast<VectorLabel>(i), record_of(graph.codec, graph.vectors[i]).data());
    }
    double recall = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      const std::vector<float>& query = graph.vectors[i * 40];
      recall += testing::recall_of(nearest(graph.vectors, query, 20), graph.search(query, 40, 128)) / 100;
    }
    EXPECT_GE(recall, 0.95) << spread;
    graph.segment.check_integrity();
  }
}

TEST(HnswSegment, ReachesEveryVectorAmongNearDuplicates) {
  Graph graph(0, 3'000);
  graph.vectors = clustered(graph.random, 100, 30, 0.01F);
  for (std::size_t i = 0; i < graph.vectors.size(); ++i) {
    graph.segment.add(static_cast<VectorLabel>(i), record_of(graph.codec, graph.vectors[i]).data());
  }
  std::size_t reached = 0;
  for (std::size_t i = 0; i < graph.vectors.size(); ++i) {
    const auto found = graph.search(graph.vectors[i], 64, 64);
    reached += static_cast<std::size_t>(std::count_if(
        found.begin(), found.end(), [&](const auto& match) { return match.label == static_cast<VectorLabel>(i); }));
  }
  EXPECT_GE(reached, graph.vectors.size() * 99 / 100);
}

TEST(HnswSegment, IsTheSameForTheSameVectors) {
  Graph one(1'000);
  Graph other(1'000);
  for (int i = 0; i < 50; ++i) {
    const std::vector<float> query = random_vector(one.random, kDimensions);
    const auto a = one.search(query, 10, 16);
    const auto b = other.search(query, 10, 16);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) EXPECT_EQ(a[k].label, b[k].label);
  }
}

TEST(HnswSegment, OffersWhatItMeetsOnTheWayWhenAFilterIsRare) {
  Graph graph(2'000);
  VectorFilter filter;
  filter.groups = {3};
  const auto found = graph.search(graph.vectors[3], 10, 16, filter);
  EXPECT_EQ(found.size(), 10U) << "a list of 16 alone has about two of one group of ten";
  EXPECT_EQ(found[0].label, 3);
  for (const VectorMatch& match : found) EXPECT_EQ(match.label % 10, 3);
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
