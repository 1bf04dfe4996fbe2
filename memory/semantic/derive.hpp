// memory/semantic/derive.hpp
//
// What follows from claims: a pure function, so that what is stored can be proved to be what follows, and a claim that
// goes (its episode was erased, or its branch of a chat abandoned) takes back whatever it had superseded.
//
// Claims are gone through in the order in which they were told. Of a predicate with one value a claim holds from its
// valid time on, in place of what held then; of one with many, each object has a time line of its own, on which it is
// so or not so. Further:
//   - What was told lately (kNewsAge) counts as how things are: it also replaces what was said before it without a
//     date. What is told of long ago takes its place in the past, and nothing later moves.
//   - Only what is trusted as much may supersede. The model's own words count less than anybody's.
//   - Equal valid times and equal trust cannot be decided: both are contested, and a conflict.
//   - A correction takes the place of what it corrects, from its beginning.
//
// Threads: pure functions.
#pragma once

#include <vector>

#include "memory/semantic/fact.hpp"

namespace mnema {

/// Told within so much of when it is valid from, it is news.
inline constexpr Duration kNewsAge = std::chrono::hours(24 * 60);

struct Derived {
  std::vector<Fact> facts;  // without scopes. By object and valid_from
  std::vector<FactConflict> conflicts;
};

/// From all claims of one scope, subject and predicate. `known`: as it was believed then. Facts have no `known_to`.
[[nodiscard]] Derived derive_facts(std::vector<Claim> claims, bool is_single, Time known = Time::max());

/// The same with `known_to`: when a later claim ended each belief.
[[nodiscard]] Derived derive_facts_of_past(const std::vector<Claim>& claims, bool is_single, Time known);

}  // namespace mnema
