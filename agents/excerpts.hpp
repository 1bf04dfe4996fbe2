// agents/excerpts.hpp
//
// Recalled texts narrowed to the parts that bear on a question, and put in the order of those. A chunk of a document is
// cut to be found; a small model that is shown all of it answers from the row or sentence beside the one that was
// wanted, and the user waits for the prefill of what nobody asked about.
//
//   unit      a row of a table with the names of its columns, an item, a line, a sentence
//             (agents/turn/passage_units.hpp)
//   score     the share of the question's terms that stand in the unit, rare ones among all units counting more, those
//             in the heading above it half; more where the unit is headed by the very words that are asked about
//             ("What is a lease?": the row whose first cell is "lease")
//
// The best units are taken until the budget is full, sentences with those around them. Where no unit has enough of the
// question (it is asked in other words), the texts stay whole, in the order in which memory gave them.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "memory/record.hpp"

namespace mnema {

struct ExcerptOptions {
  int tokens_max = 200;  // of all excerpts together, as memory/documents/token_estimate.hpp counts them
  int hits_max = 4;      // texts that an excerpt may be of
};

/// The hits that have something of `question`, best first, their texts narrowed. Of the same input always the same.
[[nodiscard]] Recalled excerpts(Recalled recalled, std::string_view question, const ExcerptOptions& options = {});

}  // namespace mnema
