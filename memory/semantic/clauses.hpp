// memory/semantic/clauses.hpp
//
// A text as clauses of words, ready for the rules: without what is quoted or code, contractions written out, times
// resolved, sentences that ask or suppose left out, and what a clause says of itself (negation, "no longer", "used to")
// taken out of its words. English; a text in another language gives words that no rule knows.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory/semantic/time_phrases.hpp"
#include "runtime/base/clock.hpp"

namespace mnema::semantic {

struct Clause {
  std::vector<Word> words;
  bool negated = false;           // "does not", "never"
  bool ended = false;             // "no longer", "not any more": it was so before
  bool past = false;              // "used to"
  bool without_capitals = false;  // the whole text is written without them: names are not told by them
  bool now = false;               // "now", "currently", "these days"
  bool reported = false;          // "Tom says that"
  bool corrects = false;          // "I meant", "I made a mistake": what was said before was wrong
  bool corrects_lately = false;   // "actually": perhaps
  std::string corrected;          // of "not X but Y" and "Y, not X": X
  std::optional<Moment> time;     // that the clause names
  std::optional<Moment> until;
};

/// `told`: when it was said. At most `clauses_max`.
[[nodiscard]] std::vector<Clause> clauses_of(std::string_view text, Time told, int clauses_max = 200);

}  // namespace mnema::semantic
