// memory/semantic/matcher.hpp
//
// Fits the pattern of a rule to the words of a clause. Patterns are short and their slots bounded, so that a match
// costs at most some thousand steps.
//
// Threads: pure functions over immutable patterns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/semantic/clauses.hpp"
#include "memory/semantic/rules.hpp"

namespace mnema::semantic {

/// Who is speaking, and who was spoken of last.
struct Speaker {
  std::string me;   // what "I" is; empty: nobody known
  std::string you;  // likewise
  std::string last_person;
  std::string last_thing;
  std::string subject;  // of the clause before, for one that has none of its own
  bool subject_is_thing = false;
};

struct Capture {
  enum class Slot {
    kPlace,
    kOrganisation,
    kCompany,
    kName,
    kPhrase,
    kList,
    kJob,
    kPrice,
    kPercent,
    kDate,
    kNumber,
    kRest,
    kGerund,
    kMail,
    kPet,
    kThing,
    kBelonging,
    kState,
    kProfession,
    kRelation
  };
  Slot slot = Slot::kPhrase;
  std::vector<std::string> objects;  // several of a list
  std::string verb;                  // of a gerund
  std::optional<Moment> moment;
};

struct Match {
  std::string subject;
  bool subject_is_thing = false;
  std::string relation;  // "sister", where the subject was told to be one ("my sister Anna")
  std::vector<Capture> captures;
  std::string last_word;  // the last plain word of the pattern that fitted
};

/// Of `rule`, at the beginning of the clause or at a word of its own subject.
[[nodiscard]] std::optional<Match> match(const Rule& rule, const Clause& clause, const Speaker& speaker);

}  // namespace mnema::semantic
