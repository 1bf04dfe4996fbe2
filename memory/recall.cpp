#include "memory/recall.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "memory/entry_store.hpp"
#include "memory/text_index_store.hpp"
#include "memory/vector_store.hpp"

namespace mnema {
namespace {

constexpr double kRankConstant = 60;
constexpr std::size_t kQueryTermsMax = 64;
constexpr double kRepetition = 0.9;  // share of common terms from which two texts say the same

struct Candidate {
  RecallHit hit;
  std::vector<std::string> terms;    // sorted, distinct
  std::vector<std::string> numbers;  // those with a digit, in the order of the text
};

bool has_digit(const std::string& term) { return term.find_first_of("0123456789") != std::string::npos; }

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

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

class Recall {
 public:
  Recall(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms, const RecallQuery& query,
         const RecallVectors& vectors, int candidates_max)
      : transaction_(transaction),
        index_(index),
        terms_(terms),
        query_(query),
        vectors_(vectors),
        candidates_max_(static_cast<std::size_t>(candidates_max)) {}

  Result<Recalled> run() {
    asked_ = terms_.distinct(query_.text, kQueryTermsMax);
    std::sort(asked_.begin(), asked_.end());
    ASSIGN_OR_RETURN(VisibleScopes visible, scope_store::visible_to(transaction_, query_.scope));
    filter_.emplace(std::move(visible), query_);
    if (!filter_->visible().nothing()) {
      RETURN_IF_ERROR(find_by_vector());
      RETURN_IF_ERROR(find_by_words());
      RETURN_IF_ERROR(find_by_time());
    }
    add_uncommitted();
    judge();
    cut();
    return std::move(recalled_);
  }

 private:
  /// The candidate of an entry, made on first sight; null: the query does not want it.
  Result<Candidate*> see(EntryId entry) {
    if (const auto known = by_id_.find(entry); known != by_id_.end()) return &candidates_[known->second];
    if (unwanted_.count(entry) != 0) return static_cast<Candidate*>(nullptr);
    // The row decides who sees it, whatever an index said.
    ASSIGN_OR_RETURN(std::optional<entry_store::LoadedEntry> loaded, entry_store::load(transaction_, entry, *filter_));
    if (!loaded) {
      unwanted_.insert(entry);
      return static_cast<Candidate*>(nullptr);
    }
    Candidate candidate;
    candidate.hit.id = entry;
    candidate.hit.text = std::move(loaded->text);
    candidate.hit.source = std::move(loaded->source);
    return add(std::move(candidate));
  }

  Candidate* add(Candidate candidate) {
    const std::string& heading = candidate.hit.source.heading_path;
    candidate.terms = terms_.distinct(heading + "\n" + candidate.hit.text, 4096);
    std::copy_if(candidate.terms.begin(), candidate.terms.end(), std::back_inserter(candidate.numbers), has_digit);
    std::sort(candidate.terms.begin(), candidate.terms.end());
    if (candidate.hit.id != 0) by_id_[candidate.hit.id] = candidates_.size();
    candidates_.push_back(std::move(candidate));
    return &candidates_.back();
  }

  Status find_by_vector() {
    if (vectors_.question.empty()) return {};
    VectorFilter filter;
    for (const ScopeId scope : filter_->visible().scopes) filter.groups.push_back(static_cast<VectorGroup>(scope));
    // What the query does not want is known only from the rows: ask for more until enough is wanted.
    std::unordered_set<VectorLabel> seen;
    int rank = 0;
    for (std::size_t count = candidates_max_;; count *= 4) {
      const VectorIndex::Found found = index_.search(filter_->visible().tenant, vectors_.question, count, filter);
      recalled_.statistics.exact = recalled_.statistics.exact && found.exact;
      for (const VectorMatch& match : found.matches) {
        if (!seen.insert(match.label).second) continue;
        ASSIGN_OR_RETURN(const std::optional<vector_store::VectorRow> row,
                         vector_store::find(transaction_, match.label));
        if (!row) continue;
        ASSIGN_OR_RETURN(Candidate * candidate, see(row->entry));
        if (!candidate) continue;
        HitExplanation& why = candidate->hit.explanation;
        why.cosine = std::max(why.cosine, dot(vectors_.question, row->vector));
        if (why.vector_rank == 0) why.vector_rank = ++rank;
      }
      const bool all = found.matches.size() < count;
      if (all || static_cast<std::size_t>(rank) >= candidates_max_ / 2 || count > 64 * candidates_max_) break;
    }
    recalled_.statistics.vector_candidates = rank;
    return {};
  }

  Status find_by_words() {
    ASSIGN_OR_RETURN(const std::vector<text_index_store::TextMatch> found,
                     text_index_store::search(transaction_, *filter_, asked_, static_cast<int>(candidates_max_)));
    int rank = 0;
    for (const text_index_store::TextMatch& match : found) {
      ASSIGN_OR_RETURN(Candidate * candidate, see(match.entry));
      if (!candidate) continue;
      candidate->hit.explanation.text_rank = ++rank;
      candidate->hit.explanation.text_score = match.score;
    }
    recalled_.statistics.text_candidates = rank;
    return {};
  }

  Status find_by_time() {
    if (!query_.from && !query_.to) return {};
    ASSIGN_OR_RETURN(const std::vector<EntryId> found,
                     entry_store::newest(transaction_, *filter_, static_cast<int>(candidates_max_)));
    int rank = 0;
    for (const EntryId entry : found) {
      ASSIGN_OR_RETURN(Candidate * candidate, see(entry));
      if (candidate) candidate->hit.explanation.time_rank = ++rank;
    }
    recalled_.statistics.time_candidates = rank;
    return {};
  }

  void add_uncommitted() {
    if (query_.kind == EntryKind::kChunk || !query_.collection.empty()) return;
    for (std::size_t i = 0; i < query_.uncommitted.size(); ++i) {
      const Episode& episode = query_.uncommitted[i];
      const std::string& thread = episode.thread.empty() ? episode.scope.session : episode.thread;
      if (!may_see(query_.scope, episode.scope)) continue;
      if (!query_.thread_excluded.empty() && thread == query_.thread_excluded) continue;
      if ((query_.from && episode.time < *query_.from) || (query_.to && episode.time > *query_.to)) continue;
      Candidate candidate;
      candidate.hit.text = episode.text;
      Provenance& source = candidate.hit.source;
      source.episode_kind = episode.kind;
      source.thread = thread;
      source.role = episode.role;
      source.time = episode.time;
      source.trust = episode.trust;
      source.scope = episode.scope;
      HitExplanation& why = candidate.hit.explanation;
      if (i < vectors_.uncommitted.size()) why.cosine = dot(vectors_.question, vectors_.uncommitted[i]);
      why.vector_rank = 1;  // as if it were the newest thing found: it is about this very turn
      add(std::move(candidate));
    }
  }

  void judge() {
    for (Candidate& candidate : candidates_) {
      HitExplanation& why = candidate.hit.explanation;
      for (const int rank : {why.vector_rank, why.text_rank, why.time_rank}) {
        if (rank > 0) why.fused += 1 / (kRankConstant + rank);
      }
      const double by_meaning = why.cosine > 0 ? 1 / (1 + std::exp((0.32 - why.cosine) / 0.07)) : 0;
      const double share =
          asked_.empty() ? 0
                         : static_cast<double>(common(asked_, candidate.terms)) / static_cast<double>(asked_.size());
      candidate.hit.relevance = std::max(by_meaning, 0.9 * share * share);
    }
    std::stable_sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      const double fused_a = a.hit.explanation.fused;
      const double fused_b = b.hit.explanation.fused;
      return fused_a != fused_b ? fused_a > fused_b : a.hit.id < b.hit.id;
    });
  }

  /// The id of a kept hit that says the same; none: nothing does. A limit of 100 and one of 200 are two things to know,
  /// however much else of the two sentences is alike.
  std::optional<EntryId> said_before(const Candidate& candidate, const std::vector<const Candidate*>& kept) const {
    for (const Candidate* other : kept) {
      if (candidate.numbers != other->numbers) continue;
      const std::size_t larger = std::max(candidate.terms.size(), other->terms.size());
      if (larger > 0 &&
          static_cast<double>(common(candidate.terms, other->terms)) >= kRepetition * static_cast<double>(larger)) {
        return other->hit.id;
      }
    }
    return {};
  }

  void cut() {
    const double relevance_min = query_.relevance_min.value_or(kRelevanceCut);
    recalled_.statistics.relevance_cut = relevance_min;
    std::vector<const Candidate*> kept;
    for (Candidate& candidate : candidates_) {
      std::string& verdict = candidate.hit.explanation.verdict;
      // Asked for by time alone, the time is the relevance.
      const bool by_time_alone = query_.text.empty() && candidate.hit.explanation.time_rank > 0;
      if (candidate.hit.relevance < relevance_min && !by_time_alone) {
        verdict = "below the relevance cut " + with_two_digits(relevance_min);
      } else if (const std::optional<EntryId> same = said_before(candidate, kept)) {
        verdict = "says the same as entry " + std::to_string(*same);
      } else if (static_cast<int>(kept.size()) >= query_.hits_max) {
        verdict = "beyond hits_max";
      } else {
        verdict = "kept";
        kept.push_back(&candidate);
      }
    }
    for (Candidate& candidate : candidates_) {
      if (candidate.hit.explanation.verdict == "kept")
        recalled_.hits.push_back(std::move(candidate.hit));
      else if (query_.explain_dropped)
        recalled_.dropped.push_back(std::move(candidate.hit));
    }
  }

  Transaction& transaction_;
  const IndexKeeper& index_;
  const TermMaker& terms_;
  const RecallQuery& query_;
  const RecallVectors& vectors_;
  const std::size_t candidates_max_;
  std::optional<EntryFilter> filter_;  // set by run
  std::vector<std::string> asked_;     // sorted, distinct
  std::vector<Candidate> candidates_;
  std::unordered_map<EntryId, std::size_t> by_id_;
  std::unordered_set<EntryId> unwanted_;
  Recalled recalled_;
};

}  // namespace

Result<Recalled> recall(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms,
                        const RecallQuery& query, const RecallVectors& vectors, int candidates_max) {
  return Recall(transaction, index, terms, query, vectors, candidates_max).run();
}

}  // namespace mnema
