#include "memory/rank_features.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <initializer_list>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "memory/question_cues.hpp"

namespace mnema {
namespace {

constexpr int kFewWords = 4;
constexpr std::array kCosineFeatures = {RankFeature::kCosine2Before, RankFeature::kCosine1Before,
                                        RankFeature::kCosine1After, RankFeature::kCosine2After};
constexpr std::array kShareFeatures = {RankFeature::kShare2Before, RankFeature::kShare1Before,
                                       RankFeature::kShare1After, RankFeature::kShare2After};
constexpr std::size_t kPredecessor = 1;  // of kOffsets
constexpr std::size_t kSuccessor = 2;
static_assert(kOffsets[kPredecessor] == -1 && kOffsets[kSuccessor] == 1);

bool is_of_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || c == '\'';
}

class FeatureMaker {
 public:
  FeatureMaker(const CandidateSearch& search, const std::vector<Candidate>& candidates, const std::string& question,
               const TermMaker& terms)
      : search_(search),
        candidates_(candidates),
        cues_(cues_of_question(question)),
        names_(search.words().terms.size(), false),
        content_(search.words().terms.size(), true) {
    find_names(terms);
    content_weight_ = search.bm25().all(content_);
    weigh_tokens(question, terms);
  }

  std::vector<FeatureValues> all() {
    std::vector<double> first(candidates_.size());
    for (std::size_t i = 0; i < candidates_.size(); ++i) first[i] = search_.first_score(candidates_[i].signals);
    const std::vector<double> log_ranks = log_ranks_of(first);
    const std::map<std::string, std::vector<double>> threads = best_of_threads(first);
    std::vector<FeatureValues> values(candidates_.size());
    add_tokens(values);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const TurnCues cues = cues_of_turn(candidates_[i].hit.text);
      add_words_and_vector(candidates_[i], cues, values[i]);
      values[i].set(RankFeature::kLogRank, log_ranks[i]);
      if (candidates_[i].hit.source.kind == EntryKind::kEpisode) {
        add_talk(candidates_[i], cues, first[i], threads.at(candidates_[i].hit.source.thread), values[i]);
      }
    }
    return values;
  }

 private:
  /// Terms of the question that name who speaks in what was found.
  void find_names(const TermMaker& terms) {
    std::map<std::string, std::set<std::string>> roles;
    for (const Candidate& candidate : candidates_) {
      const std::string& role = candidate.hit.source.role;
      if (!role.empty() && roles.count(role) == 0) {
        const std::vector<std::string> words = terms.terms(role);
        roles[role] = {words.begin(), words.end()};
      }
    }
    const std::vector<std::string>& asked = search_.words().terms;
    for (const auto& [role, words] : roles) {
      for (std::size_t i = 0; i < asked.size(); ++i) {
        if (words.count(asked[i]) == 0) continue;
        names_[i] = true;
        content_[i] = false;
        asked_roles_.insert(role);
      }
    }
    // "What is my dog called?" is asked about who asks.
    if (cues_.about_asker && roles.count("user") != 0) asked_roles_.insert("user");
  }

  /// A token weighs what the term weighs that it is part of. Names and words that say nothing weigh nothing, unless
  /// there are no others.
  void weigh_tokens(const std::string& question, const TermMaker& terms) {
    const std::vector<std::string>& asked = search_.words().terms;
    std::size_t begin = 0;
    std::size_t end = 0;
    double weight = 0;
    for (const TokenPlace& token : search_.tokens()) {
      if (token.begin >= end && token.end <= question.size()) {
        for (begin = token.begin; begin > 0 && is_of_word(question[begin - 1]);) --begin;
        for (end = token.end; end < question.size() && is_of_word(question[end]);) ++end;
        weight = 0;
        for (const std::string& term : terms.terms(std::string_view(question).substr(begin, end - begin))) {
          const auto place = std::find(asked.begin(), asked.end(), term);
          if (place == asked.end() || !content_[static_cast<std::size_t>(place - asked.begin())]) continue;
          weight = std::max(weight, search_.bm25().weight(static_cast<std::size_t>(place - asked.begin())));
        }
      }
      token_weights_.push_back(weight);
    }
    token_weight_ = std::accumulate(token_weights_.begin(), token_weights_.end(), 0.0);
    if (token_weight_ > 0) return;
    token_weights_.assign(token_weights_.size(), 1);
    token_weight_ = static_cast<double>(token_weights_.size());
  }

  /// The weighted mean over the question's tokens; of each the best that one of the entries has.
  [[nodiscard]] double token_similarity(std::initializer_list<const TokenCosines*> entries) const {
    double sum = 0;
    for (std::size_t token = 0; token < token_weights_.size(); ++token) {
      float best = -1;
      for (const TokenCosines* entry : entries) {
        if (entry != nullptr && token < entry->size()) best = std::max(best, (*entry)[token]);
      }
      sum += token_weights_[token] * best;
    }
    return sum / token_weight_;
  }

  void add_tokens(std::vector<FeatureValues>& values) const {
    if (token_weights_.empty()) return;
    const auto rarest = static_cast<std::size_t>(std::max_element(token_weights_.begin(), token_weights_.end()) -
                                                 token_weights_.begin());
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const Candidate& candidate = candidates_[i];
      const TokenCosines* own = candidate.signals.tokens;
      if (own == nullptr) continue;
      const double similarity = token_similarity({own});
      values[i].set(RankFeature::kTokens, similarity);
      values[i].set(RankFeature::kTokensRarest, (*own)[rarest]);
      order.emplace_back(-similarity, i);
      const auto beside = [&](std::size_t place) {
        return candidate.around[place] ? candidate.around[place]->signals.tokens : nullptr;
      };
      values[i].set(RankFeature::kTokensAround, token_similarity({own, beside(kPredecessor), beside(kSuccessor)}));
    }
    std::sort(order.begin(), order.end());
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      values[order[rank].second].set(RankFeature::kTokensLogRank, -std::log1p(static_cast<double>(rank)));
    }
    if (order.empty()) return;
    for (const RankFeature feature :
         {RankFeature::kTokens, RankFeature::kTokensRarest, RankFeature::kTokensAround, RankFeature::kTokensLogRank}) {
      fill_with_mean(values, feature);
    }
  }

  /// What has no tokens (a long turn, a chunk, one that waits for them) counts as the others do on the average of this
  /// question: it is neither pushed down nor up by what nobody knows.
  static void fill_with_mean(std::vector<FeatureValues>& values, RankFeature feature) {
    double sum = 0;
    int known = 0;
    for (const FeatureValues& of : values) {
      if (const std::optional<double> value = of.get(feature)) {
        sum += *value;
        ++known;
      }
    }
    for (FeatureValues& of : values) {
      if (!of.get(feature)) of.set(feature, sum / known);
    }
  }

  [[nodiscard]] double share_of(const EntrySignals& signals) const {
    if (signals.words == nullptr || content_weight_ <= 0) return 0;
    return search_.bm25().score(*signals.words, content_) / content_weight_;
  }

  /// Of the candidate and the turns at these places of kOffsets.
  [[nodiscard]] double cover_of(const Candidate& candidate, std::initializer_list<std::size_t> places) const {
    if (content_weight_ <= 0) return 0;
    std::vector<bool> covered(content_.size(), false);
    const auto add = [&](const EntrySignals& signals) {
      if (signals.words == nullptr) return;
      for (std::size_t i = 0; i < covered.size(); ++i) {
        if (signals.words->counts[i] > 0 && content_[i]) covered[i] = true;
      }
    };
    add(candidate.signals);
    for (const std::size_t place : places) {
      if (candidate.around[place]) add(candidate.around[place]->signals);
    }
    return search_.bm25().all(covered) / content_weight_;
  }

  static std::vector<double> log_ranks_of(const std::vector<double>& first) {
    std::vector<std::size_t> order(first.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return first[a] > first[b]; });
    std::vector<double> logs(first.size());
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
      logs[order[rank]] = -std::log1p(static_cast<double>(rank));
    }
    return logs;
  }

  /// The first scores of each thread's candidates, best first.
  [[nodiscard]] std::map<std::string, std::vector<double>> best_of_threads(const std::vector<double>& first) const {
    std::map<std::string, std::vector<double>> threads;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      threads[candidates_[i].hit.source.thread].push_back(first[i]);
    }
    for (auto& [thread, scores] : threads) std::sort(scores.begin(), scores.end(), std::greater<>());
    return threads;
  }

  void add_words_and_vector(const Candidate& candidate, const TurnCues& cues, FeatureValues& values) const {
    const EntrySignals& signals = candidate.signals;
    values.set(RankFeature::kCosine, signals.cosine.value_or(0));
    const Bm25& bm25 = search_.bm25();
    values.set(RankFeature::kBm25, signals.words == nullptr ? 0 : bm25.score(*signals.words, content_));
    values.set(RankFeature::kBm25Share, share_of(signals));
    values.set(RankFeature::kRarestTerm, signals.words == nullptr ? 0 : bm25.rarest(*signals.words, content_));
    values.set(RankFeature::kNames, signals.words == nullptr ? 0 : bm25.score(*signals.words, names_));
    values.set(RankFeature::kTellsTime, cues_.asks_when && cues.tells_time ? 1 : 0);
    values.set(RankFeature::kTellsNumber, cues_.asks_number && cues.has_number ? 1 : 0);
  }

  /// What only a turn of a conversation has. Of a document's chunk it counts as neither good nor bad.
  void add_talk(const Candidate& candidate, const TurnCues& cues, double first, const std::vector<double>& thread,
                FeatureValues& values) const {
    for (std::size_t i = 0; i < kOffsets.size(); ++i) {
      const bool there = candidate.around[i].has_value();
      values.set(kCosineFeatures[i], there ? candidate.around[i]->signals.cosine.value_or(0) : 0);
      values.set(kShareFeatures[i], there ? share_of(candidate.around[i]->signals) : 0);
    }
    values.set(RankFeature::kCoverAround, cover_of(candidate, {kPredecessor, kSuccessor}));
    values.set(RankFeature::kCoverBefore, cover_of(candidate, {kPredecessor - 1, kPredecessor}));
    const std::size_t best = std::min<std::size_t>(3, thread.size());
    values.set(RankFeature::kThreadBest, thread.front());
    values.set(RankFeature::kThreadBest3,
               std::accumulate(thread.begin(), thread.begin() + static_cast<std::ptrdiff_t>(best), 0.0) /
                   static_cast<double>(best));
    const bool asked = asked_roles_.count(candidate.hit.source.role) != 0;
    values.set(RankFeature::kSpeaker, asked ? 1 : 0);
    values.set(RankFeature::kSpeakerScore, asked ? first : 0);
    values.set(RankFeature::kDate, date_match(cues_, candidate.hit.source.time));
    values.set(RankFeature::kAsks, cues.asks ? 1 : 0);
    const auto& predecessor = candidate.around[kPredecessor];
    const bool answers = predecessor && predecessor->asks;
    values.set(RankFeature::kAnswers, answers ? 1 : 0);
    values.set(RankFeature::kAnswersScore, answers ? search_.first_score(predecessor->signals) : 0);
    values.set(RankFeature::kLogWords, std::log1p(static_cast<double>(cues.words)));
    values.set(RankFeature::kFewWords, cues.words < kFewWords ? 1 : 0);
    values.set(RankFeature::kPhoto, cues.has_photo ? 1 : 0);
  }

  const CandidateSearch& search_;
  const std::vector<Candidate>& candidates_;
  const QuestionCues cues_;
  std::vector<bool> names_;    // of the terms searched for
  std::vector<bool> content_;  // the others
  double content_weight_ = 0;
  std::set<std::string> asked_roles_;
  std::vector<double> token_weights_;  // of the question's tokens
  double token_weight_ = 0;            // of all together
};

}  // namespace

std::vector<FeatureValues> rank_features(const CandidateSearch& search, const std::vector<Candidate>& candidates,
                                         const std::string& question, const TermMaker& terms) {
  return FeatureMaker(search, candidates, question, terms).all();
}

}  // namespace mnema
