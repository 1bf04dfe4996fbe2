// memory/ranker.hpp
//
// How candidates are ordered: a weighted sum of what is known of each (memory/rank_features.hpp makes it). The weights
// are a generated file, ranker_weights.inc; bench/recall/train.py makes it from conversations written for this project.
// The loss is that of a list: -log of the evidence's share in a softmax over a question's candidates (ListNet, Cao et
// al., 2007).
//
//   score = sum over features of weight * (value - mean)        a value that is not known counts as the mean
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "memory/record.hpp"

namespace mnema {

/// In the order of the weights. Turns before and after are those of the same thread.
enum class RankFeature : std::size_t {
  kCosine,      // of the question's vector and the entry's
  kBm25,        // of the question's terms but names of speakers
  kBm25Share,   // the same, of what all terms together could give
  kRarestTerm,  // weight of the rarest term that it has
  kNames,       // BM25 of the speakers' names in its text
  kCosine2Before,
  kCosine1Before,
  kCosine1After,
  kCosine2After,
  kShare2Before,
  kShare1Before,
  kShare1After,
  kShare2After,
  kCoverAround,   // share of the words' weights that the turn, the one before and the one after have together
  kCoverBefore,   // likewise the turn and the two before
  kThreadBest,    // the best first score in its thread
  kThreadBest3,   // the mean of the best three
  kSpeaker,       // the question names who speaks
  kSpeakerScore,  // the same, times the first score
  kLogRank,       // -log(1 + rank by the first score)
  kTellsTime,     // the question asks when, the text tells a time
  kTellsNumber,   // the question asks how many, the text has a number
  kDate,          // date_match
  kAsks,          // the text is a question
  kAnswers,       // the text before it is a question
  kAnswersScore,  // the same, times the first score of that question
  kLogWords,      // log(1 + words)
  kFewWords,      // below four
  kPhoto,
  kTokens,  // of the question's content tokens the cosines with the nearest of the text, weighted by rarity (MaxSim)
  kTokensAround,   // likewise with the nearest of the turn, the one before and the one after
  kTokensRarest,   // of the rarest term alone
  kTokensLogRank,  // -log(1 + rank by kTokens)
};
inline constexpr std::size_t kRankFeatures = static_cast<std::size_t>(RankFeature::kTokensLogRank) + 1;

class FeatureValues {
 public:
  void set(RankFeature feature, double value) { values_[static_cast<std::size_t>(feature)] = value; }
  [[nodiscard]] std::optional<double> get(RankFeature feature) const {
    return values_[static_cast<std::size_t>(feature)];
  }

 private:
  std::array<std::optional<double>, kRankFeatures> values_;
};

[[nodiscard]] std::string_view name_of(RankFeature feature);
[[nodiscard]] double rank_score(const FeatureValues& values);
/// Each known feature with what it adds to the score, the largest shares first.
[[nodiscard]] std::vector<FeatureShare> shares_of(const FeatureValues& values);

}  // namespace mnema
