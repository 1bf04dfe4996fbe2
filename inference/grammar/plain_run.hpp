// inference/grammar/plain_run.hpp
//
// Where a grammar stands inside free text: which characters it treats alike, and how many of them may follow one
// another. A string of a JSON schema is such a place, also with a bounded length. There the tokens made of these
// characters are allowed by their length alone (vocabulary_trie.hpp), without trying them byte by byte.
#pragma once

#include <optional>

#include "inference/grammar/matcher.hpp"
#include "inference/grammar/vocabulary_trie.hpp"

namespace mnema::grammar {

struct PlainRun {
  CharacterSet characters;
  int length = 0;  // at most so many may follow; PlainTokens::kLengthMax: as many or more
};

/// The run that begins at `start`; none where few characters are alike, or not all of them are later on.
[[nodiscard]] std::optional<PlainRun> plain_run(Matcher& matcher, Position start);

}  // namespace mnema::grammar
