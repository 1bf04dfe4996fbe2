// memory/recall.hpp
//
// How a question finds what bears on it: candidates by vector, words and time, fused by their ranks, judged by a
// calibrated relevance, cut, and freed of repetitions. "Nothing relevant" is an answer.
//
//   fused      = sum over the ways it was found of 1 / (60 + rank)       reciprocal rank fusion (Cormack et al., 2009)
//   relevance  = the larger of  logistic((cosine - 0.32) / 0.07)  and  0.9 * (share of the question's terms in it)^2
//
// The first is fitted to MiniLM, where unrelated sentences lie around 0.1 and paraphrases above 0.5; the second lets
// names and numbers through, which a small encoder does not know.
//
// Threads: pure but for the transaction it reads.
#pragma once

#include <vector>

#include "memory/index_keeper.hpp"
#include "memory/record.hpp"
#include "memory/text_terms.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

inline constexpr double kRelevanceCut = 0.30;

struct RecallVectors {
  std::vector<float> question;                  // empty: goes on by words and time
  std::vector<std::vector<float>> uncommitted;  // of RecallQuery::uncommitted, or empty
};

/// Inside Database::read. `statistics` but for the times are filled in. Errors: `kStorage`.
[[nodiscard]] Result<Recalled> recall(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms,
                                      const RecallQuery& query, const RecallVectors& vectors, int candidates_max);

}  // namespace mnema
