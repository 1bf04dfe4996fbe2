// memory/bm25.hpp
//
// BM25 (Robertson and Zaragoza, 2009; k1 = 1.2, b = 0.75) over what a search by words has found: how rare a term is,
// and how long a text is on average, is counted among the entries that the asker may see.
//
// Threads:   immutable; any thread.
// Ownership: borrows the matches.
#pragma once

#include <cstddef>
#include <vector>

#include "memory/text_index_store.hpp"

namespace mnema {

class Bm25 {
 public:
  explicit Bm25(const text_index_store::TextMatches& matches);

  /// Of the terms that `counted` says, one place for each term searched for.
  [[nodiscard]] double score(const text_index_store::TextMatch& match, const std::vector<bool>& counted) const;
  /// Weight of the rarest term that the match has.
  [[nodiscard]] double rarest(const text_index_store::TextMatch& match, const std::vector<bool>& counted) const;
  /// Weights of all terms that are found at all, together; 0: none is.
  [[nodiscard]] double all(const std::vector<bool>& counted) const;
  /// Of one term searched for; of one that no entry has, as if it were in half of one.
  [[nodiscard]] double weight(std::size_t term) const;

 private:
  std::vector<double> weights_;  // of each term; 0: no entry has it
  double unknown_weight_ = 0;
  double mean_length_ = 1;
};

}  // namespace mnema
