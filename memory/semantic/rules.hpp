// memory/semantic/rules.hpp
//
// The rules of extraction, as data. A rule is a pattern over the words of a clause, and what is claimed where it fits:
//
//   word, a|b      these words, in lower case          a|b?    they may be missing
//   <P> <T> <D> <A>   the subject: a person, a thing, one with an article, a person or a thing
//   $              the clause, or the part up to a comma, ends
//   <place> <org> <company> <name> <np> <list> <job> <price> <percent> <date> <number> <rest> <gerund> <mail> <pet>
//   <thing> <state> <profession> <relation>      an object, numbered from 1 in the order of the pattern
//
// A negated clause claims the contrary of what holds; "used to" makes it past.
//
// Threads: immutable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/semantic/fact.hpp"

namespace mnema::semantic {

struct Output {
  std::string_view
      predicate;  // "" = what object 1 says (a gerund, a relation, a kind of favourite); "?" = what it corrects
  ClaimKind kind = ClaimKind::kHolds;
  int object = 1;              // 0: without an object; -1: the last plain word that fitted
  int subject = 0;             // 0: the clause's; else that object
  std::string_view text = {};  // instead of an object
};

struct Rule {
  std::string_view pattern;
  double confidence = 0.9;
  std::vector<Output> outputs;
  bool is_change = false;  // tells of a change: "actually" before it is no correction
  bool needs_now = false;  // only in a clause with "now"
};

[[nodiscard]] const std::vector<Rule>& rules();

/// Raised whenever rules or words change what is extracted: everything is then read again.
inline constexpr int kRulesVersion = 1;

}  // namespace mnema::semantic
