// memory/recall.hpp
//
// How a question finds what bears on it: candidates by vector, words and time (candidates.hpp), ordered by a ranker
// over what is known of each (rank_features.hpp, ranker.hpp), cut by a calibrated relevance (relevance.hpp), and freed
// of repetitions. "Nothing relevant" is an answer.
//
//   a caller's relevance_min   every hit reaches it
//   else                       the most relevant turn reaches the embedder's cut, or no turn is a hit, and neither is
//                              one far below the best; a document's chunk must reach the cut itself
//
// Threads: pure but for the transaction it reads.
#pragma once

#include "memory/candidates.hpp"
#include "memory/relevance.hpp"

namespace mnema {

/// Inside Database::read. `statistics` but for the times are filled in. Errors: `kStorage`.
[[nodiscard]] Result<Recalled> recall(Transaction& transaction, const IndexKeeper& index, const TermMaker& terms,
                                      const RecallQuery& query, const RecallVectors& vectors, int candidates_max);

}  // namespace mnema
