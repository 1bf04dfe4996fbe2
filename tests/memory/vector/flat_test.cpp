#include "memory/vector/flat.hpp"

#include <gtest/gtest.h>

#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::nearest;
using testing::random_vector;
using testing::record_of;

constexpr int kDimensions = 16;

struct Filled {
  explicit Filled(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      vectors.push_back(random_vector(random, kDimensions));
      flat.add(static_cast<VectorLabel>(i), record_of(codec, vectors.back(), i % 10).data());
    }
  }
  std::vector<VectorMatch> search(const std::vector<float>& query, std::size_t count, const VectorFilter& filter = {}) {
    BestMatches best(count);
    flat.search(record_of(codec, query).data(), filter, best);
    return best.take();
  }
  SeededRandom random{1};
  VectorCodec codec{kDimensions};
  FlatVectors flat{codec};
  std::vector<std::vector<float>> vectors;
};

TEST(FlatVectors, FindTheNearest) {
  Filled filled(300);
  double recall = 0;
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> query = random_vector(filled.random, kDimensions);
    recall += testing::recall_of(nearest(filled.vectors, query, 10), filled.search(query, 10)) / 20;
  }
  EXPECT_GE(recall, 0.97) << "the order among near ones may differ by the rounding to int8, no more";
  EXPECT_EQ(filled.search(filled.vectors[7], 1)[0].label, 7);
  EXPECT_EQ(filled.search(filled.vectors[7], 1'000).size(), 300U);
}

TEST(FlatVectors, ForgetWhatIsRemoved) {
  Filled filled(50);
  for (VectorLabel label = 0; label < 50; label += 2) EXPECT_TRUE(filled.flat.remove(label));
  EXPECT_FALSE(filled.flat.remove(0)) << "it is gone already";
  filled.flat.check_integrity();
  for (VectorLabel label = 0; label < 50; ++label) {
    const auto found = filled.search(filled.vectors[static_cast<std::size_t>(label)], 1);
    EXPECT_EQ(found[0].label == label, label % 2 == 1) << label;
  }
}

TEST(FlatVectors, KeepTheFirstRecordOfALabel) {
  Filled filled(2);
  filled.flat.add(0, record_of(filled.codec, filled.vectors[1]).data());
  EXPECT_EQ(filled.flat.size(), 2U);
  EXPECT_EQ(filled.search(filled.vectors[0], 1)[0].label, 0);
}

TEST(FlatVectors, ShowOnlyWhatTheFilterAdmits) {
  Filled filled(100);
  VectorFilter filter;
  filter.groups = {3, 4};
  EXPECT_EQ(filled.search(filled.vectors[0], 100, filter).size(), 20U);
  filter.labels = {3, 4, 5, 99};
  for (const VectorMatch& match : filled.search(filled.vectors[0], 100, filter)) {
    EXPECT_TRUE(match.label == 3 || match.label == 4) << match.label << " is of another group or not listed";
  }
  filter.nothing = true;
  EXPECT_TRUE(filled.search(filled.vectors[0], 100, filter).empty());
}

TEST(BestMatches, PreferTheOlderOfEquals) {
  BestMatches best(2);
  for (const VectorLabel label : {5, 3, 9, 1}) best.offer({label, 0.5F});
  const auto taken = best.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].label, 1);
  EXPECT_EQ(taken[1].label, 3);
}

}  // namespace
}  // namespace mnema
