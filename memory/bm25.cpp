#include "memory/bm25.hpp"

#include <algorithm>
#include <cmath>

namespace mnema {
namespace {

constexpr double kSaturation = 1.2;
constexpr double kLengthWeight = 0.75;

}  // namespace

Bm25::Bm25(const text_index_store::TextMatches& matches) : weights_(matches.terms.size(), 0) {
  std::vector<double> entries(matches.terms.size(), 0);
  double length = 0;
  for (const text_index_store::TextMatch& match : matches.found) {
    length += match.length;
    for (std::size_t i = 0; i < match.counts.size(); ++i) entries[i] += match.counts[i] > 0 ? 1 : 0;
  }
  if (!matches.found.empty()) mean_length_ = std::max(1.0, length / static_cast<double>(matches.found.size()));
  const double all =
      static_cast<double>(std::max<std::int64_t>(matches.entries, static_cast<std::int64_t>(matches.found.size())));
  unknown_weight_ = std::log(1 + (all + 0.5) / 0.5);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i] > 0) weights_[i] = std::log(1 + (all - entries[i] + 0.5) / (entries[i] + 0.5));
  }
}

double Bm25::score(const text_index_store::TextMatch& match, const std::vector<bool>& counted) const {
  const double length = kSaturation * (1 - kLengthWeight + kLengthWeight * match.length / mean_length_);
  double sum = 0;
  for (std::size_t i = 0; i < match.counts.size(); ++i) {
    if (match.counts[i] == 0 || !counted[i]) continue;
    sum += weights_[i] * match.counts[i] * (kSaturation + 1) / (match.counts[i] + length);
  }
  return sum;
}

double Bm25::rarest(const text_index_store::TextMatch& match, const std::vector<bool>& counted) const {
  double most = 0;
  for (std::size_t i = 0; i < match.counts.size(); ++i) {
    if (match.counts[i] > 0 && counted[i]) most = std::max(most, weights_[i]);
  }
  return most;
}

double Bm25::all(const std::vector<bool>& counted) const {
  double sum = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) sum += counted[i] ? weights_[i] : 0;
  return sum;
}

double Bm25::weight(std::size_t term) const { return weights_[term] > 0 ? weights_[term] : unknown_weight_; }

}  // namespace mnema
