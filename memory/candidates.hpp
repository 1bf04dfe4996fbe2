// memory/candidates.hpp
//
// What may bear on a question: entries near its vector, entries with its words, entries of the time it names, and the
// turns beside the best of them. A first score over the vector and the words says which are looked at closely; of those
// the rows are read, and of episodes what the turns around them score, visible ones only.
//
//   first score = 7 * cosine + 4 * share of the words' BM25
//
// Threads:   of one query: confined to its thread and transaction.
// Ownership: owns what it found; borrows the rest.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "memory/bm25.hpp"
#include "memory/embedder.hpp"
#include "memory/entry_filter_store.hpp"
#include "memory/index_keeper.hpp"
#include "memory/record.hpp"
#include "memory/text_index_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct RecallVectors {
  EmbeddedText question;                        // without a vector: goes on by words and time
  std::vector<std::vector<float>> uncommitted;  // of RecallQuery::uncommitted, or empty
};

/// The places beside a turn that are looked at.
inline constexpr std::array<int, 4> kOffsets = {-2, -1, 1, 2};

/// Of each token of a question the cosine with the nearest of an entry's own.
using TokenCosines = std::vector<float>;

/// What is known of an entry without its row.
struct EntrySignals {
  std::optional<double> cosine;
  const TokenCosines* tokens = nullptr;                // null: no tokens of it are kept, or none of the question
  const text_index_store::TextMatch* words = nullptr;  // null: it has no word of the question
};

struct Neighbour {
  EntrySignals signals;
  bool asks = false;
};

struct Candidate {
  RecallHit hit;
  EntrySignals signals;
  std::array<std::optional<Neighbour>, kOffsets.size()> around;  // of an episode
};

class CandidateSearch {
 public:
  CandidateSearch(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms, const RecallQuery& query,
                  const RecallVectors& vectors, int candidates_max);

  /// Errors: `kStorage`.
  [[nodiscard]] Status run();

  [[nodiscard]] std::vector<Candidate>& candidates() { return candidates_; }
  [[nodiscard]] const text_index_store::TextMatches& words() const { return words_; }
  [[nodiscard]] const Bm25& bm25() const { return *bm25_; }
  /// Of the question; none: the embedder does not tell, or there was no time.
  [[nodiscard]] const std::vector<TokenPlace>& tokens() const { return vectors_.question.tokens; }
  /// With the counts of what was found on each way.
  [[nodiscard]] const RecallStatistics& statistics() const { return statistics_; }
  /// See above.
  [[nodiscard]] double first_score(const EntrySignals& signals) const;

 private:
  [[nodiscard]] Status find_by_vector();
  [[nodiscard]] Status find_by_words();
  [[nodiscard]] Status find_by_time();
  [[nodiscard]] Status complete_cosines(const std::vector<EntryId>& entries);
  [[nodiscard]] std::vector<EntryId> best(std::size_t count) const;
  [[nodiscard]] Status load(const std::vector<EntryId>& entries);
  [[nodiscard]] Status look_around();
  [[nodiscard]] Status load_neighbours_of_best();
  [[nodiscard]] Status describe();
  [[nodiscard]] Status compare_tokens();
  void count_uncommitted();
  void add_uncommitted();

  Transaction& transaction_;
  const IndexKeeper& index_;
  const TermMaker& terms_;
  const RecallQuery& query_;
  const RecallVectors& vectors_;
  const std::size_t candidates_max_;
  std::optional<EntryFilter> filter_;       // set by run
  std::optional<EntryFilter> many_filter_;  // likewise: for many rows; `excluded_` is left to ask
  std::unordered_set<EntryId> excluded_;    // entries of the thread that the question excludes
  VectorFilter vector_filter_;
  text_index_store::TextMatches words_;
  std::unique_ptr<Bm25> bm25_;  // set by find_by_words
  std::vector<bool> all_terms_;
  double all_weight_ = 0;
  std::unordered_map<EntryId, EntrySignals> signals_;
  std::unordered_map<EntryId, TokenCosines> token_cosines_;
  std::unordered_map<EntryId, int> vector_ranks_;
  std::unordered_map<EntryId, int> text_ranks_;
  std::unordered_map<EntryId, int> time_ranks_;
  struct Turn {
    EntryId entry = 0;
    bool asks = false;
  };
  std::map<std::string, std::map<std::int64_t, Turn>> turns_;  // around candidates, visible ones, by thread
  std::unordered_set<EntryId> loaded_;
  std::size_t looked_around_ = 0;  // of the candidates
  std::vector<Candidate> candidates_;
  RecallStatistics statistics_;
};

}  // namespace mnema
