#include "memory/ranker.hpp"

#include <algorithm>
#include <cmath>

namespace mnema {
namespace {

struct Weight {
  std::string_view name;
  double mean;
  double weight;
};

constexpr std::array<Weight, kRankFeatures> kWeights = {{
#include "memory/ranker_weights.inc"
}};

double share_of(std::size_t feature, double value) {
  return kWeights[feature].weight * (value - kWeights[feature].mean);
}

}  // namespace

std::string_view name_of(RankFeature feature) { return kWeights[static_cast<std::size_t>(feature)].name; }

double rank_score(const FeatureValues& values) {
  double score = 0;
  for (std::size_t i = 0; i < kRankFeatures; ++i) {
    if (const auto value = values.get(static_cast<RankFeature>(i))) score += share_of(i, *value);
  }
  return score;
}

std::vector<FeatureShare> shares_of(const FeatureValues& values) {
  std::vector<FeatureShare> shares;
  for (std::size_t i = 0; i < kRankFeatures; ++i) {
    const auto value = values.get(static_cast<RankFeature>(i));
    if (value) shares.push_back({std::string(kWeights[i].name), *value, share_of(i, *value)});
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const FeatureShare& a, const FeatureShare& b) { return std::abs(a.share) > std::abs(b.share); });
  return shares;
}

}  // namespace mnema
