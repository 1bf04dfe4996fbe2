#include "memory/candidates.hpp"

#include <algorithm>

#include "memory/entry_store.hpp"
#include "memory/episodic_store.hpp"
#include "memory/question_cues.hpp"
#include "memory/vector/token_codec.hpp"
#include "memory/vector_store.hpp"

namespace mnema {
namespace {

constexpr std::size_t kQueryTermsMax = 64;
constexpr int kTextRowsMax = 4'000;        // with a word of the question; counted, not read
constexpr std::size_t kLookedAround = 48;  // of the best, the turns beside them are candidates too
constexpr int kTimeCandidatesMax = 64;     // of the time that a question names
constexpr std::int64_t kRunGap = 8;        // turns of a thread read in one go may be so far apart
constexpr double kCosineWeight = 7;        // see candidates.hpp
constexpr double kWordsWeight = 4;

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

CandidateSearch::CandidateSearch(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms,
                                 const RecallQuery& query, const RecallVectors& vectors, int candidates_max)
    : transaction_(transaction),
      index_(index),
      terms_(terms),
      query_(query),
      vectors_(vectors),
      candidates_max_(static_cast<std::size_t>(candidates_max)) {}

Status CandidateSearch::run() {
  ASSIGN_OR_RETURN(VisibleScopes visible, scope_store::visible_to(transaction_, query_.scope));
  for (const ScopeId scope : visible.scopes) vector_filter_.groups.push_back(static_cast<VectorGroup>(scope));
  vector_filter_.nothing = visible.nothing();
  filter_.emplace(std::move(visible), query_);
  many_filter_.emplace(filter_->in_all_threads());
  if (!query_.thread_excluded.empty()) {
    ASSIGN_OR_RETURN(excluded_, entries_of_thread(transaction_, filter_->visible().tenant, query_.thread_excluded));
  }
  RETURN_IF_ERROR(find_by_words());
  if (!filter_->visible().nothing()) {
    RETURN_IF_ERROR(find_by_vector());
    RETURN_IF_ERROR(find_by_time());
    std::vector<EntryId> found;
    for (const auto& [entry, signals] : signals_) found.push_back(entry);
    RETURN_IF_ERROR(complete_cosines(found));
    RETURN_IF_ERROR(load(best(candidates_max_)));
    RETURN_IF_ERROR(look_around());
    RETURN_IF_ERROR(load_neighbours_of_best());
    RETURN_IF_ERROR(describe());
  }
  add_uncommitted();
  return {};
}

double CandidateSearch::first_score(const EntrySignals& signals) const {
  const double words =
      signals.words != nullptr && all_weight_ > 0 ? bm25_->score(*signals.words, all_terms_) / all_weight_ : 0;
  return kCosineWeight * signals.cosine.value_or(0) + kWordsWeight * words;
}

Status CandidateSearch::find_by_words() {
  const std::vector<std::string> asked = terms_.distinct(query_.text, kQueryTermsMax);
  ASSIGN_OR_RETURN(words_, text_index_store::search(transaction_, *many_filter_, asked, kTextRowsMax));
  std::erase_if(words_.found, [this](const auto& match) { return excluded_.count(match.entry) != 0; });
  count_uncommitted();
  bm25_ = std::make_unique<Bm25>(words_);
  all_terms_.assign(asked.size(), true);
  all_weight_ = bm25_->all(all_terms_);
  std::vector<std::pair<double, const text_index_store::TextMatch*>> scored;
  for (const text_index_store::TextMatch& match : words_.found) {
    if (match.entry > 0) scored.emplace_back(bm25_->score(match, all_terms_), &match);
  }
  const std::size_t taken = std::min(candidates_max_, scored.size());
  std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(taken), scored.end(),
                    [](const auto& a, const auto& b) {
                      return a.first != b.first ? a.first > b.first : a.second->entry < b.second->entry;
                    });
  for (std::size_t i = 0; i < taken; ++i) {
    const text_index_store::TextMatch* match = scored[i].second;
    text_ranks_[match->entry] = static_cast<int>(i) + 1;
    signals_[match->entry].words = match;
  }
  statistics_.text_candidates = static_cast<int>(taken);
  return {};
}

Status CandidateSearch::find_by_vector() {
  if (vectors_.question.vector.empty()) return {};
  std::unordered_map<EntryId, const text_index_store::TextMatch*> words;
  for (const text_index_store::TextMatch& match : words_.found) words.emplace(match.entry, &match);
  // What the query does not want is known only from the rows: ask for more until enough is wanted.
  std::unordered_set<VectorLabel> seen;
  std::size_t wanted = 0;
  for (std::size_t count = candidates_max_;; count *= 4) {
    const VectorIndex::Found found =
        index_.search(filter_->visible().tenant, vectors_.question.vector, count, vector_filter_);
    statistics_.exact = statistics_.exact && found.exact;
    std::vector<VectorLabel> labels;
    std::unordered_map<VectorLabel, float> similarities;
    for (const VectorMatch& match : found.matches) {
      if (!seen.insert(match.label).second) continue;
      labels.push_back(match.label);
      similarities[match.label] = match.similarity;
    }
    // The row decides who sees it, whatever an index said.
    ASSIGN_OR_RETURN(auto entries, vector_store::entries_of(transaction_, labels, *many_filter_));
    std::erase_if(entries, [this](const auto& labelled) { return excluded_.count(labelled.entry) != 0; });
    std::sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
      const float first = similarities[a.label];
      const float second = similarities[b.label];
      return first != second ? first > second : a.label < b.label;
    });
    for (const vector_store::LabelledEntry& labelled : entries) {
      EntrySignals& signals = signals_[labelled.entry];
      signals.cosine = similarities[labelled.label];
      const auto match = words.find(labelled.entry);
      if (match != words.end()) signals.words = match->second;
      if (vector_ranks_.emplace(labelled.entry, static_cast<int>(wanted) + 1).second) ++wanted;
    }
    const bool all = found.matches.size() < count;
    if (all || wanted >= candidates_max_ / 2 || count > 64 * candidates_max_) break;
  }
  statistics_.vector_candidates = static_cast<int>(vector_ranks_.size());
  return {};
}

/// By the caller's bounds, or by the date that the question names.
Status CandidateSearch::find_by_time() {
  const auto found_at = [&](const EntryFilter& filter, int count_max) -> Status {
    ASSIGN_OR_RETURN(const std::vector<EntryId> found, entry_store::newest(transaction_, filter, count_max));
    for (const EntryId entry : found) {
      (void)signals_[entry];
      time_ranks_.emplace(entry, static_cast<int>(time_ranks_.size()) + 1);
    }
    return {};
  };
  if (query_.from || query_.to) {
    RETURN_IF_ERROR(found_at(*filter_, static_cast<int>(candidates_max_)));
    statistics_.time_candidates = static_cast<int>(time_ranks_.size());
  } else if (const auto told = told_within(cues_of_question(query_.text))) {
    RecallQuery dated = query_;
    dated.from = told->from;
    dated.to = told->to;
    RETURN_IF_ERROR(found_at(EntryFilter(filter_->visible(), dated), kTimeCandidatesMax));
    time_ranks_.clear();  // the date is one of its features, no way of its own to a place
  }
  return {};
}

Status CandidateSearch::complete_cosines(const std::vector<EntryId>& entries) {
  if (vectors_.question.vector.empty()) return {};
  std::vector<EntryId> missing;
  for (const EntryId entry : entries) {
    if (!signals_[entry].cosine) missing.push_back(entry);
  }
  ASSIGN_OR_RETURN(const auto labels, vector_store::labels_of(transaction_, missing, index_.embedder()));
  std::vector<VectorLabel> asked;
  for (const vector_store::LabelledEntry& labelled : labels) asked.push_back(labelled.label);
  const auto found = index_.similarities(filter_->visible().tenant, vectors_.question.vector, asked, vector_filter_);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (found[i]) signals_[labels[i].entry].cosine = *found[i];
  }
  return {};
}

std::vector<EntryId> CandidateSearch::best(std::size_t count) const {
  std::vector<std::pair<double, EntryId>> scored;
  std::vector<EntryId> entries;
  for (const auto& [entry, signals] : signals_) {
    if (time_ranks_.count(entry) != 0)
      entries.push_back(entry);
    else
      scored.emplace_back(-first_score(signals), entry);
  }
  std::sort(entries.begin(), entries.end());
  std::sort(scored.begin(), scored.end());
  for (const auto& [score, entry] : scored) {
    if (entries.size() >= std::max(count, time_ranks_.size())) break;
    entries.push_back(entry);
  }
  return entries;
}

Status CandidateSearch::load(const std::vector<EntryId>& entries) {
  std::vector<EntryId> missing;
  for (const EntryId entry : entries) {
    if (loaded_.insert(entry).second) missing.push_back(entry);
  }
  ASSIGN_OR_RETURN(std::vector<entry_store::LoadedEntry> loaded, entry_store::load(transaction_, missing, *filter_));
  const auto rank_in = [](const std::unordered_map<EntryId, int>& ranks, EntryId entry) {
    const auto found = ranks.find(entry);
    return found == ranks.end() ? 0 : found->second;
  };
  for (entry_store::LoadedEntry& entry : loaded) {
    Candidate candidate;
    candidate.hit.id = entry.id;
    candidate.hit.text = std::move(entry.text);
    candidate.hit.source = std::move(entry.source);
    candidate.signals = signals_[entry.id];
    HitExplanation& why = candidate.hit.explanation;
    why.vector_rank = rank_in(vector_ranks_, entry.id);
    why.text_rank = rank_in(text_ranks_, entry.id);
    why.time_rank = rank_in(time_ranks_, entry.id);
    why.cosine = candidate.signals.cosine.value_or(0);
    if (candidate.signals.words != nullptr) why.text_score = bm25_->score(*candidate.signals.words, all_terms_);
    candidates_.push_back(std::move(candidate));
  }
  return {};
}

Status CandidateSearch::look_around() {
  // Places of threads that are read, in runs.
  std::map<std::string, std::vector<std::int64_t>> places;
  for (; looked_around_ < candidates_.size(); ++looked_around_) {
    const Provenance& source = candidates_[looked_around_].hit.source;
    if (source.kind == EntryKind::kEpisode) places[source.thread].push_back(source.sequence);
  }
  const std::int64_t reach = kOffsets.back();
  for (auto& [thread, sequences] : places) {
    std::sort(sequences.begin(), sequences.end());
    for (std::size_t i = 0; i < sequences.size();) {
      const std::int64_t from = sequences[i] - reach;
      std::int64_t to = sequences[i] + reach;
      for (++i; i < sequences.size() && sequences[i] - to <= kRunGap; ++i) to = sequences[i] + reach;
      ASSIGN_OR_RETURN(const auto turns, episodic_store::turns(transaction_, filter_->visible(), thread, from, to));
      for (const episodic_store::TurnText& turn : turns) {
        turns_[thread][turn.sequence] = {turn.entry, turn_asks(turn.text)};
      }
    }
  }
  std::unordered_map<EntryId, const text_index_store::TextMatch*> words;
  for (const text_index_store::TextMatch& match : words_.found) words.emplace(match.entry, &match);
  std::vector<EntryId> entries;
  for (const auto& [thread, sequences] : places) {
    for (const auto& [sequence, turn] : turns_[thread]) {
      entries.push_back(turn.entry);
      const auto match = words.find(turn.entry);
      if (match != words.end()) signals_[turn.entry].words = match->second;
    }
  }
  return complete_cosines(entries);
}

/// The turns beside the best are candidates too: an answer often has no word of the question that it answers.
Status CandidateSearch::load_neighbours_of_best() {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    order.emplace_back(-first_score(candidates_[i].signals), i);
  }
  std::sort(order.begin(), order.end());
  order.resize(std::min(order.size(), kLookedAround));
  std::vector<EntryId> beside;
  for (const auto& [score, at] : order) {
    const Provenance& source = candidates_[at].hit.source;
    const auto thread = turns_.find(source.thread);
    if (source.kind != EntryKind::kEpisode || thread == turns_.end()) continue;
    for (const int offset : kOffsets) {
      const auto turn = thread->second.find(source.sequence + offset);
      if (turn != thread->second.end()) beside.push_back(turn->second.entry);
    }
  }
  RETURN_IF_ERROR(load(beside));
  return look_around();
}

/// What is known of them and of the turns around them, once all are there.
Status CandidateSearch::describe() {
  RETURN_IF_ERROR(compare_tokens());
  for (Candidate& candidate : candidates_) {
    candidate.signals = signals_[candidate.hit.id];
    const Provenance& source = candidate.hit.source;
    const auto thread = turns_.find(source.thread);
    if (source.kind != EntryKind::kEpisode || thread == turns_.end()) continue;
    for (std::size_t i = 0; i < kOffsets.size(); ++i) {
      const auto turn = thread->second.find(source.sequence + kOffsets[i]);
      if (turn != thread->second.end()) candidate.around[i] = {signals_[turn->second.entry], turn->second.asks};
    }
  }
  return {};
}

Status CandidateSearch::compare_tokens() {
  // A page as a question shares words with everything, and each of its tokens is compared with each of every candidate.
  constexpr std::size_t kQuestionTokensMax = 64;
  const std::size_t dimensions = vectors_.question.vector.size();
  if (vectors_.question.token_vectors.empty() ||
      vectors_.question.token_vectors.size() > kQuestionTokensMax * dimensions) {
    return {};
  }
  const TokenCodec codec(static_cast<int>(dimensions));
  const TokenQuestion tokens(codec, vectors_.question.token_vectors);
  std::unordered_set<EntryId> compared;  // the candidates, and the turns right before and behind them
  for (const Candidate& candidate : candidates_) {
    const Provenance& source = candidate.hit.source;
    if (source.kind != EntryKind::kEpisode) continue;
    compared.insert(candidate.hit.id);
    const auto thread = turns_.find(source.thread);
    if (thread == turns_.end()) continue;
    for (const int offset : {-1, 1}) {
      const auto turn = thread->second.find(source.sequence + offset);
      if (turn != thread->second.end()) compared.insert(turn->second.entry);
    }
  }
  const std::vector<EntryId> entries(compared.begin(), compared.end());
  return vector_store::each_tokens(
      transaction_, entries, index_.embedder(), [&](EntryId entry, std::string_view record) {
        TokenCosines cosines = tokens.best(record);
        if (cosines.empty()) return;
        signals_[entry].tokens = &token_cosines_.emplace(entry, std::move(cosines)).first->second;
      });
}

/// What the turn has written itself is found like the rest, though no index has it.
void CandidateSearch::count_uncommitted() {
  if (query_.kind == EntryKind::kChunk || !query_.collection.empty()) return;
  for (std::size_t i = 0; i < query_.uncommitted.size(); ++i) {
    const Episode& episode = query_.uncommitted[i];
    const std::string& thread = episode.thread.empty() ? episode.scope.session : episode.thread;
    if (!may_see(query_.scope, episode.scope)) continue;
    if (!query_.thread_excluded.empty() && thread == query_.thread_excluded) continue;
    if ((query_.from && episode.time < *query_.from) || (query_.to && episode.time > *query_.to)) continue;
    text_index_store::TextMatch match;
    match.entry = -static_cast<EntryId>(i) - 1;
    match.counts.assign(words_.terms.size(), 0);
    for (const std::string& term : terms_.terms(episode.text)) {
      ++match.length;
      const auto place = std::find(words_.terms.begin(), words_.terms.end(), term);
      if (place != words_.terms.end()) ++match.counts[static_cast<std::size_t>(place - words_.terms.begin())];
    }
    words_.found.push_back(std::move(match));
  }
}

void CandidateSearch::add_uncommitted() {
  for (const text_index_store::TextMatch& match : words_.found) {
    if (match.entry > 0) continue;
    const auto i = static_cast<std::size_t>(-match.entry - 1);
    const Episode& episode = query_.uncommitted[i];
    Candidate candidate;
    candidate.hit.text = episode.text;
    Provenance& source = candidate.hit.source;
    source.episode_kind = episode.kind;
    source.thread = episode.thread.empty() ? episode.scope.session : episode.thread;
    source.role = episode.role;
    source.time = episode.time;
    source.trust = episode.trust;
    source.scope = episode.scope;
    candidate.signals.words = &match;
    if (i < vectors_.uncommitted.size())
      candidate.signals.cosine = dot(vectors_.question.vector, vectors_.uncommitted[i]);
    candidate.hit.explanation.cosine = candidate.signals.cosine.value_or(0);
    candidate.hit.explanation.text_score = bm25_->score(match, all_terms_);
    candidates_.push_back(std::move(candidate));
  }
}

}  // namespace mnema
