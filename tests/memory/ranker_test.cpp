#include "memory/ranker.hpp"

#include <gtest/gtest.h>

#include <set>

namespace mnema {
namespace {

TEST(Ranker, SaysWhatEachFeatureAddsToTheScore) {
  FeatureValues values;
  values.set(RankFeature::kCosine, 0.6);
  values.set(RankFeature::kSpeaker, 1);
  values.set(RankFeature::kDate, 2);
  const std::vector<FeatureShare> shares = shares_of(values);
  ASSERT_EQ(shares.size(), 3U) << "what is not known adds nothing";
  double sum = 0;
  for (const FeatureShare& share : shares) sum += share.share;
  EXPECT_NEAR(sum, rank_score(values), 1e-12);
  EXPECT_GE(std::abs(shares[0].share), std::abs(shares[2].share)) << "the largest first";
  EXPECT_EQ(rank_score(FeatureValues()), 0);
}

TEST(Ranker, PrefersWhatIsNearerSharesMoreWordsAndIsSaidByWhoIsAskedAbout) {
  for (const RankFeature feature : {RankFeature::kCosine, RankFeature::kBm25, RankFeature::kCoverAround,
                                    RankFeature::kSpeaker, RankFeature::kDate, RankFeature::kThreadBest3}) {
    FeatureValues less;
    FeatureValues more;
    less.set(feature, 0.1);
    more.set(feature, 0.9);
    EXPECT_GT(rank_score(more), rank_score(less)) << name_of(feature);
  }
}

TEST(Ranker, HasANameForEachFeature) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kRankFeatures; ++i) names.insert(name_of(static_cast<RankFeature>(i)));
  EXPECT_EQ(names.size(), kRankFeatures);
  EXPECT_EQ(name_of(RankFeature::kCosine), "cosine");
  EXPECT_EQ(name_of(RankFeature::kSpeaker), "speaker");
  EXPECT_EQ(name_of(RankFeature::kPhoto), "photo") << "the weights are in the order of the features";
}

}  // namespace
}  // namespace mnema
