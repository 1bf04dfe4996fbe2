#include "memory/recall.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>

#include "memory/rank_features.hpp"
#include "memory/ranker.hpp"

namespace mnema {
namespace {

constexpr double kRepetition = 0.9;  // share of common terms from which two texts say the same
constexpr std::size_t kTermsComparedMax = 4'096;
// A turn whose score is so far below the best has, by the ranker's own softmax, less than one chance in 150 beside it.
constexpr double kScoreSpan = 5;

std::size_t common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::size_t count = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y)
      ++count, ++x, ++y;
    else if (*x < *y)
      ++x;
    else
      ++y;
  }
  return count;
}

std::string with_two_digits(double value) {
  const long hundredths = std::lround(value * 100);
  return std::to_string(hundredths / 100) + "." + (hundredths % 100 < 10 ? "0" : "") + std::to_string(hundredths % 100);
}

/// The words of a text, to compare it with others. Made of those alone that may be hits.
struct Said {
  EntryId entry = 0;
  std::vector<std::string> terms;    // sorted, distinct
  std::vector<std::string> numbers;  // those with a digit, in the order of the text
};

Said said_by(const RecallHit& hit, const TermMaker& terms) {
  Said said{hit.id, terms.distinct(hit.source.heading_path + "\n" + hit.text, kTermsComparedMax), {}};
  std::copy_if(said.terms.begin(), said.terms.end(), std::back_inserter(said.numbers),
               [](const std::string& term) { return term.find_first_of("0123456789") != std::string::npos; });
  std::sort(said.terms.begin(), said.terms.end());
  return said;
}

/// A limit of 100 and one of 200 are two things to know, however much else of the two sentences is alike.
bool say_the_same(const Said& a, const Said& b) {
  const auto larger = static_cast<double>(std::max(a.terms.size(), b.terms.size()));
  if (larger == 0 || a.numbers != b.numbers) return false;
  // The smaller one alone says how much they can have in common.
  if (static_cast<double>(std::min(a.terms.size(), b.terms.size())) < kRepetition * larger) return false;
  return static_cast<double>(common(a.terms, b.terms)) >= kRepetition * larger;
}

class Recall {
 public:
  Recall(const CandidateSearch& search, std::vector<Candidate>& candidates, const std::string& embedder,
         const TermMaker& terms, const RecallQuery& query)
      : search_(search), candidates_(candidates), embedder_(embedder), terms_(terms), query_(query) {}

  Recalled run() {
    recalled_.statistics = search_.statistics();
    judge();
    const std::vector<std::size_t> order = query_.text.empty() ? by_time() : by_score();
    cut(order);
    return std::move(recalled_);
  }

 private:
  void judge() {
    const std::vector<FeatureValues> values = rank_features(search_, candidates_, query_.text, terms_);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      RecallHit& hit = candidates_[i].hit;
      hit.explanation.score = rank_score(values[i]);
      if (query_.explain) hit.explanation.features = shares_of(values[i]);
      RelevanceSignals signals = words_of(candidates_[i]);
      signals.kind = hit.source.kind;
      signals.cosine = candidates_[i].signals.cosine;
      hit.explanation.words_share = signals.words_share;
      hit.relevance = relevance_of(signals, embedder_);
      if (hit.source.kind != EntryKind::kEpisode) continue;
      best_relevance_ = std::max(best_relevance_, hit.relevance);
      best_score_ = std::max(best_score_, hit.explanation.score);
    }
  }

  /// A term that no entry has weighs as much as the rarest: a question about somebody unknown is full of them. Who
  /// speaks need not name himself.
  [[nodiscard]] RelevanceSignals words_of(const Candidate& candidate) const {
    const std::vector<std::string>& asked = search_.words().terms;
    if (asked.empty()) return {};
    const std::vector<std::string> role = terms_.terms(candidate.hit.source.role);
    double has = 0;
    double all = 0;
    double count = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const double weight = search_.bm25().weight(i);
      const bool in_text = candidate.signals.words != nullptr && candidate.signals.words->counts[i] > 0;
      if (in_text || std::find(role.begin(), role.end(), asked[i]) != role.end()) has += weight, ++count;
      all += weight;
    }
    RelevanceSignals signals;
    signals.words_share = has / all;
    signals.terms_share = count / static_cast<double>(asked.size());
    return signals;
  }

  [[nodiscard]] std::vector<std::size_t> by_score() const {
    return ordered([](const RecallHit& a, const RecallHit& b) {
      return a.explanation.score != b.explanation.score ? a.explanation.score > b.explanation.score : a.id < b.id;
    });
  }
  /// Asked for by time alone, the time is the relevance.
  [[nodiscard]] std::vector<std::size_t> by_time() const {
    return ordered([](const RecallHit& a, const RecallHit& b) {
      return a.source.time != b.source.time ? a.source.time > b.source.time : a.id < b.id;
    });
  }
  template <class Before>
  [[nodiscard]] std::vector<std::size_t> ordered(const Before& before) const {
    std::vector<std::size_t> order(candidates_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return before(candidates_[a].hit, candidates_[b].hit); });
    return order;
  }

  [[nodiscard]] bool relevant(const RecallHit& hit) const {
    if (query_.text.empty()) return hit.explanation.time_rank > 0 || hit.id == 0;
    if (query_.relevance_min) return hit.relevance >= *query_.relevance_min;
    return hit.source.kind == EntryKind::kChunk ? hit.relevance >= kRelevanceCut : best_relevance_ >= kRelevanceCut;
  }
  /// A caller who says how relevant a hit must be has said it.
  [[nodiscard]] bool far_below_the_best(const RecallHit& hit) const {
    return !query_.relevance_min && !query_.text.empty() && hit.source.kind == EntryKind::kEpisode &&
           hit.explanation.score < best_score_ - kScoreSpan;
  }

  void cut(const std::vector<std::size_t>& order) {
    recalled_.statistics.relevance_cut = query_.relevance_min.value_or(kRelevanceCut);
    const std::string below = "below the relevance cut " + with_two_digits(recalled_.statistics.relevance_cut);
    std::vector<Said> kept;
    for (const std::size_t at : order) {
      RecallHit& hit = candidates_[at].hit;
      std::string& verdict = hit.explanation.verdict;
      const bool full = static_cast<int>(kept.size()) >= query_.hits_max;
      if (!relevant(hit)) {
        verdict = below;
      } else if (far_below_the_best(hit)) {
        verdict = "far below the best";
      } else if (full && !query_.explain_dropped) {
        break;
      } else {
        Said said = said_by(hit, terms_);
        const auto same = std::find_if(kept.begin(), kept.end(), [&](const Said& k) { return say_the_same(said, k); });
        if (same != kept.end()) {
          verdict = "says the same as entry " + std::to_string(same->entry);
        } else if (full) {
          verdict = "beyond hits_max";
        } else {
          verdict = "kept";
          kept.push_back(std::move(said));
        }
      }
      if (verdict == "kept")
        recalled_.hits.push_back(std::move(hit));
      else if (query_.explain_dropped)
        recalled_.dropped.push_back(std::move(hit));
    }
  }

  const CandidateSearch& search_;
  std::vector<Candidate>& candidates_;
  const std::string& embedder_;
  const TermMaker& terms_;
  const RecallQuery& query_;
  double best_relevance_ = 0;  // of the turns
  double best_score_ = std::numeric_limits<double>::lowest();
  Recalled recalled_;
};

}  // namespace

Result<Recalled> recall(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms,
                        const RecallQuery& query, const RecallVectors& vectors, int candidates_max) {
  CandidateSearch search(transaction, index, terms, query, vectors, candidates_max);
  RETURN_IF_ERROR(search.run());
  return Recall(search, search.candidates(), index.embedder(), terms, query).run();
}

}  // namespace mnema
