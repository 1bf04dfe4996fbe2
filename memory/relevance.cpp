#include "memory/relevance.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace mnema {
namespace {

struct Calibration {
  std::string_view embedder;
  EntryKind kind;
  double cosine;
  double words;
  double constant;
};

constexpr std::string_view kUsual = "all-minilm-l6-v2/mean/2";  // what an unknown embedder is taken for
constexpr std::array kCalibrations = {
#include "memory/relevance_weights.inc"
};

const Calibration* find(std::string_view embedder, EntryKind kind) {
  const auto found = std::find_if(kCalibrations.begin(), kCalibrations.end(), [&](const Calibration& calibration) {
    return calibration.embedder == embedder && calibration.kind == kind;
  });
  return found == kCalibrations.end() ? nullptr : &*found;
}

// An encoder does not know names and numbers: who has all words of a question bears on it, whatever the cosine.
constexpr double kByWordsAlone = 0.9;

}  // namespace

bool relevance_is_calibrated(std::string_view embedder) {
  return std::any_of(kCalibrations.begin(), kCalibrations.end(),
                     [&](const Calibration& calibration) { return calibration.embedder == embedder; });
}

double relevance_of(const RelevanceSignals& signals, std::string_view embedder) {
  const double share = std::clamp(signals.words_share, 0.0, 1.0);
  const double by_words = kByWordsAlone * share * share;
  if (!signals.cosine) {
    const double terms = std::clamp(signals.terms_share, 0.0, 1.0);
    return std::max(by_words, kByWordsAlone * terms * terms);
  }
  const Calibration* known = find(embedder, signals.kind);
  const Calibration& calibration = known == nullptr ? *find(kUsual, signals.kind) : *known;
  const double sum = calibration.cosine * *signals.cosine + calibration.words * share + calibration.constant;
  return std::max(by_words, 1 / (1 + std::exp(-sum)));
}

}  // namespace mnema
