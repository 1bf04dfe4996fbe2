#include "memory/vector/index.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::nearest;
using testing::random_vector;

VectorIndex::Options options_of(std::int64_t exact_max, std::int64_t segment_max = 1 << 20) {
  VectorIndex::Options options;
  options.exact_max = exact_max;
  options.segment_max = segment_max;
  return options;
}

void settle(VectorIndex& index, int slice = 64) {
  while (index.upkeep_due()) index.upkeep(slice);
}

struct Filled {
  Filled(std::size_t count, int dimensions, VectorIndex::Options options) : index(VectorCodec(dimensions), options) {
    for (std::size_t i = 0; i < count; ++i) {
      vectors.push_back(random_vector(random, dimensions));
      index.add(static_cast<VectorLabel>(i), static_cast<VectorGroup>(i % 100), vectors.back());
    }
  }
  double recall_at_ten() {
    double recall = 0;
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> query = random_vector(random, index.codec().dimensions());
      recall += testing::recall_of(nearest(vectors, query, 10), index.search(query, 10, {}).matches) / 50;
    }
    return recall;
  }
  SeededRandom random{1};
  VectorIndex index;
  std::vector<std::vector<float>> vectors;
};

TEST(VectorIndex, IsExactWhileItIsSmall) {
  Filled filled(500, 32, options_of(500));
  EXPECT_FALSE(filled.index.upkeep_due());
  EXPECT_TRUE(filled.index.search(filled.vectors[0], 10, {}).exact);
  EXPECT_GE(filled.recall_at_ten(), 0.97);
}

TEST(VectorIndex, MovesIntoGraphsWhenItGrowsAndStillFindsNearlyAll) {
  Filled filled(2'000, 32, options_of(400));
  settle(filled.index);
  EXPECT_EQ(filled.index.in_graphs(), 2'000U);
  EXPECT_EQ(filled.index.size(), 2'000U);
  filled.index.check_integrity();
  EXPECT_FALSE(filled.index.search(filled.vectors[0], 10, {}).exact);
  EXPECT_GE(filled.recall_at_ten(), 0.9);
}

TEST(VectorIndex, FindsANewVectorAtOnce) {
  Filled filled(600, 16, options_of(100));
  settle(filled.index);
  const std::vector<float> vector = random_vector(filled.random, 16);
  filled.index.add(9'999, 1, vector);
  EXPECT_EQ(filled.index.search(vector, 1, {}).matches[0].label, 9'999);
}

// One user of a hundred is searched without a walk over what is everybody else's.
TEST(VectorIndex, ComparesTheVectorsOfASmallGroupOneByOne) {
  Filled filled(1'000, 16, options_of(100));
  settle(filled.index);
  VectorFilter filter;
  filter.groups = {7, 8};
  const auto found = filled.index.search(filled.vectors[0], 50, filter);
  EXPECT_TRUE(found.exact);
  EXPECT_EQ(found.matches.size(), 20U);
  EXPECT_TRUE(std::is_sorted(found.matches.begin(), found.matches.end()));
  EXPECT_TRUE(filled.index.remove(7));
  filled.index.check_integrity();
  EXPECT_EQ(filled.index.search(filled.vectors[0], 50, filter).matches.size(), 19U);
}

TEST(VectorIndex, ListsNoGroupThatIsTooLargeToCompare) {
  VectorIndex index(VectorCodec(8), options_of(50));
  SeededRandom random{2};
  for (VectorLabel label = 1; label <= 200; ++label) index.add(label, 1, random_vector(random, 8));
  settle(index);
  VectorFilter filter;
  filter.groups = {1};
  const std::vector<float> query = random_vector(random, 8);
  EXPECT_FALSE(index.search(query, 5, filter).exact);
  for (VectorLabel label = 1; label <= 190; ++label) EXPECT_TRUE(index.remove(label));
  EXPECT_EQ(index.search(query, 50, filter).matches.size(), 10U);
  index.check_integrity();
}

TEST(VectorIndex, TellsTheSimilarityOfWhatIsAdmitted) {
  Filled filled(300, 16, options_of(100));
  settle(filled.index);
  VectorFilter filter;
  filter.groups = {7};
  const auto found = filled.index.similarities(filled.vectors[107], std::vector<VectorLabel>{107, 8, 9'999}, filter);
  ASSERT_TRUE(found[0].has_value());
  EXPECT_NEAR(*found[0], 1, 0.02);
  EXPECT_FALSE(found[1].has_value()) << "of another group";
  EXPECT_FALSE(found[2].has_value()) << "of nobody";
}

TEST(VectorIndex, ReachesEveryVectorAfterManyWereRemovedAndMovedAnew) {
  Filled filled(4'000, 32, options_of(400));
  settle(filled.index);
  for (VectorLabel label = 0; label < 4'000; ++label) {
    if (label % 3 != 0) filled.index.remove(label);
    if (label % 100 == 0) filled.index.upkeep(64);
  }
  settle(filled.index);
  filled.index.check_integrity();
  std::size_t reached = 0;
  for (VectorLabel label = 0; label < 4'000; label += 3) {
    const auto found = filled.index.search(filled.vectors[static_cast<std::size_t>(label)], 1, {});
    EXPECT_FALSE(found.exact);
    reached += found.matches.at(0).label == label ? 1 : 0;
  }
  EXPECT_EQ(reached, 1'334U);
}

TEST(VectorIndex, FindsEverythingThatARareFilterAdmits) {
  Filled filled(1'000, 16, options_of(100));
  settle(filled.index);
  VectorFilter filter;
  filter.groups = {7};
  const auto found = filled.index.search(filled.vectors[0], 10, filter);
  EXPECT_EQ(found.matches.size(), 10U);
  for (const VectorMatch& match : found.matches) EXPECT_EQ(match.label % 100, 7);
  filter.groups = {7, 8};
  EXPECT_EQ(filled.index.search(filled.vectors[0], 1'000, filter).matches.size(), 20U);
  filter.nothing = true;
  EXPECT_TRUE(filled.index.search(filled.vectors[0], 10, filter).matches.empty());
}

TEST(VectorIndex, CompactsASegmentThatIsMostlyRemoved) {
  Filled filled(400, 16, options_of(100));
  settle(filled.index);
  for (VectorLabel label = 0; label < 150; ++label) EXPECT_TRUE(filled.index.remove(label));
  EXPECT_FALSE(filled.index.remove(0));
  EXPECT_TRUE(filled.index.upkeep_due());
  settle(filled.index);
  filled.index.check_integrity();
  EXPECT_EQ(filled.index.size(), 250U);
  EXPECT_EQ(filled.index.search(filled.vectors[200], 1, {}).matches[0].label, 200);
}

TEST(VectorIndex, IsExactAgainWhenItHasShrunk) {
  Filled filled(400, 16, options_of(100));
  settle(filled.index);
  for (VectorLabel label = 0; label < 360; ++label) filled.index.remove(label);
  settle(filled.index);
  EXPECT_EQ(filled.index.in_graphs(), 0U);
  EXPECT_TRUE(filled.index.search(filled.vectors[399], 1, {}).exact);
}

// A large segment is compacted in slices. When the index grows again between two of them, the rest stays where it is,
// and what had left comes back to the very segment that still remembers it.
TEST(VectorIndex, LosesNothingWhenItGrowsAgainWhileASegmentIsCompacted) {
  VectorIndex::Options options = options_of(20'000);
  options.graph = {4, 8};
  Filled filled(20'001, 4, options);
  filled.index.upkeep(9'000);
  ASSERT_EQ(filled.index.in_graphs(), 9'000U);
  std::size_t left = 20'001;
  for (VectorLabel label = 0; left > 10'000; ++label) left -= filled.index.remove(label) ? 1 : 0;
  filled.index.upkeep(64);
  ASSERT_LT(filled.index.in_graphs(), 9'000U) << "the first slice has left the graph";
  ASSERT_GT(filled.index.in_graphs(), 0U);
  for (VectorLabel label = 20'001; left <= 20'000; ++label, ++left) {
    filled.index.add(label, 1, random_vector(filled.random, 4));
  }
  const std::vector<VectorLabel> before = filled.index.labels();
  settle(filled.index, 4'096);
  filled.index.check_integrity();
  EXPECT_EQ(filled.index.labels(), before);
}

TEST(VectorIndex, HoldsWhatWasPutInWhateverTheOrderOfThings) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    VectorIndex index(VectorCodec(8), options_of(32, 64));
    std::map<VectorLabel, std::vector<float>> model;
    for (VectorLabel label = 1; label < 400; ++label) {
      model[label] = random_vector(random, 8);
      index.add(label, 1, model[label]);
      if (random.below(3) == 0) {
        const auto victim =
            model.lower_bound(static_cast<VectorLabel>(random.below(static_cast<std::uint64_t>(label))));
        if (victim != model.end()) {
          EXPECT_TRUE(index.remove(victim->first));
          model.erase(victim);
        }
      }
      if (random.below(4) == 0) index.upkeep(static_cast<int>(random.below(20)));
    }
    index.check_integrity();
    std::vector<VectorLabel> labels;
    for (const auto& [label, vector] : model) labels.push_back(label);
    EXPECT_EQ(index.labels(), labels) << "seed " << seed;
    int found = 0;
    for (const auto& [label, vector] : model) {
      const auto best = index.search(vector, 1, {}).matches;
      found += !best.empty() && best[0].label == label ? 1 : 0;
    }
    EXPECT_GE(found, static_cast<int>(labels.size()) * 95 / 100) << "seed " << seed;
  }
}

TEST(VectorIndex, IsSearchedWhileItChanges) {
  Filled filled(200, 8, options_of(100));
  std::atomic<bool> done = false;
  std::thread searcher([&] {
    while (!done) {
      const auto found = filled.index.search(filled.vectors[199], 5, {}).matches;
      EXPECT_EQ(found.size(), 5U);
      EXPECT_EQ(found[0].label, 199);
    }
  });
  for (VectorLabel label = 0; label < 190; ++label) {
    filled.index.upkeep(8);
    filled.index.remove(label);
    filled.index.add(1'000 + label, 1, std::vector<float>(8, -0.1F));
  }
  settle(filled.index);
  done = true;
  searcher.join();
  filled.index.check_integrity();
}

}  // namespace
}  // namespace mnema
