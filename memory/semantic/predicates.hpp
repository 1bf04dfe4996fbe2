// memory/semantic/predicates.hpp
//
// The vocabulary: what can be said of a thing, and of which there is one at a time. Whatever words were used, the same
// is said by the same predicate, so that a newer fact meets the older one.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnema {

struct Predicate {
  std::string_view name;
  bool is_single = true;  // a thing has one: a newer one supersedes it. Else each ends by itself
};

/// All of them but "favourite X", of which there is one for each X.
[[nodiscard]] const std::vector<Predicate>& predicates();

/// Unknown ones are taken for single.
[[nodiscard]] bool is_single_valued(std::string_view predicate);

/// What subjects and objects are compared by: lower case, without articles and endings. "The Old Volvos" is "old
/// volvo". Never empty, unless `text` has no word.
[[nodiscard]] std::string fact_key(std::string_view text);

}  // namespace mnema
