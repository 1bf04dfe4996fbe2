// memory/relevance.hpp
//
// How likely it is that an entry bears on a question, and whether anything does. The ranker orders; it cannot say that
// the best of its candidates is of no use. This can, and is calibrated for each embedder: two encoders give the same
// pair of texts different cosines. An encoder that is not known here is taken for the most usual one.
//
//   relevance = the larger of  logistic(cosine * a + share of the question's words * b + c)  and  0.9 * share^2
//
// Without a cosine (the vector is still pending), the larger of both shares counts: among few entries every word that
// none of them has is as rare as can be, and would outweigh all that are the same.
//
// Turns of a conversation and chunks of a document have weights of their own: a question is nearer to a turn, which is
// as short as itself and names who speaks.
//
// A question is gated once, by its most relevant candidate: if that is below the cut, nothing is relevant. A hit of a
// question that has passed needs less, because an answer often shares neither words nor meaning with its question and
// stands beside what does.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "memory/record.hpp"

namespace mnema {

/// A question whose best candidate is below this has no answer.
inline constexpr double kRelevanceCut = 0.30;

struct RelevanceSignals {
  EntryKind kind = EntryKind::kEpisode;
  std::optional<double> cosine;
  double words_share = 0;  // weight of the question's terms that the entry has, of that of all of them; 0 to 1
  double terms_share = 0;  // the same, each term weighing alike
};

/// Whether there are weights for the vectors of this embedder. One that has none is taken for the usual one; with
/// cosines that lie elsewhere nearly everything is relevant to every question, or nothing is.
[[nodiscard]] bool relevance_is_calibrated(std::string_view embedder);

/// 0 to 1. `embedder`: Embedder::id.
[[nodiscard]] double relevance_of(const RelevanceSignals& signals, std::string_view embedder);

}  // namespace mnema
