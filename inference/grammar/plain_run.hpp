// inference/grammar/plain_run.hpp
//
// Where a grammar stands inside free text: which characters it treats alike, and how many of them may follow one
// another. A string of a JSON schema is such a place, also with a bounded length. There the tokens made of these
// characters are allowed by their length alone (vocabulary_trie.hpp), without trying them byte by byte.
#pragma once

#include <bitset>
#include <optional>

#include "inference/grammar/matcher.hpp"
#include "inference/grammar/vocabulary_trie.hpp"

namespace mnema::grammar {

struct PlainRun {
  CharacterSet characters;
  int length = 0;  // at most so many may follow; PlainTokens::kLengthMax: as many or more
  /// First bytes of characters of the set that lead elsewhere, as long as nothing else stands (where a member's name
  /// begins like one that the schema lists): tokens that begin with them are tried byte by byte.
  std::bitset<256> other_firsts;
};

/// The run that begins at `start`; none where few characters are alike, or not all of them are later on.
[[nodiscard]] std::optional<PlainRun> plain_run(Matcher& matcher, Position start);

}  // namespace mnema::grammar
