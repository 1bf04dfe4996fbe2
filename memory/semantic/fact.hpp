// memory/semantic/fact.hpp
//
// The nouns of semantic memory. A claim is what one episode says of one thing: it is evidence, and never changed. Facts
// follow from the claims that are there (derive.hpp), so that superseding, taking that back and asking about the past
// are the same computation.
//
// Times: `valid_*` is when something is so in the world, `known_*` when memory believed it. An interval holds its first
// moment and not its last. What was told counts as known from the time of its episode on.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/record.hpp"

namespace mnema {

/// Persisted: append only, never renumber.
enum class ClaimKind : int {
  kHolds = 0,  // it is so, from valid_from on
  kEnds = 1,   // it is not so, from valid_from on; without an object: whatever the object was
  kPast = 2,   // it was so until valid_to, and is not now
};

struct Claim {
  std::int64_t id = 0;  // counted from 1 in the order of episodes and of their words
  EpisodeId episode = 0;
  ClaimKind kind = ClaimKind::kHolds;
  std::string subject;    // as it is shown: "user", "Anna", "basic plan"
  std::string predicate;  // of the vocabulary (predicates.hpp)
  std::string object;     // as it is shown
  Time valid_from{};      // kPast: unknown
  Time valid_to{};        // of kPast
  bool is_dated = false;  // the words named the time; else it is that of the episode
  bool corrects = false;  // an earlier claim was wrong from its beginning: the last one, or that with this object:
  std::string corrected;
  bool corrects_lately = false;  // only if that was said within a day before ("actually ...")
  Time known_from{};
  Trust trust = Trust::kExternal;
  bool by_assistant = false;  // the model's own words: at equal trust they count less than anybody else's
  double confidence = 0;      // of the rule that found it, 0..1
};

struct Fact {
  Scope scope;  // who may see it
  std::string subject;
  std::string predicate;
  std::string object;
  bool negated = false;            // it is known not to be so
  bool contested = false;          // others of the same valid time say otherwise (FactConflict): not to be relied on
  std::optional<Time> valid_from;  // none: nobody told
  std::optional<Time> valid_to;    // none: it goes on
  Time known_from{};
  std::optional<Time> known_to;    // none: it is still believed
  Trust trust = Trust::kExternal;  // of the most trusted evidence that alone carries it
  double confidence = 0;
  std::vector<EpisodeId> evidence;  // oldest first; at most kFactEvidenceMax, the first and the last ones

  bool operator==(const Fact&) const = default;
};

/// Two statements that cannot both be so, and nothing to decide by: of the same valid time and equally trusted, or a
/// later one that is trusted less than what it denies.
struct FactConflict {
  Scope scope;
  std::string subject;
  std::string predicate;
  struct Side {
    std::string object;
    bool negated = false;
    Time valid_from{};
    Trust trust = Trust::kExternal;
    EpisodeId episode = 0;

    bool operator==(const Side&) const = default;
  };
  Side first;
  Side second;

  bool operator==(const FactConflict&) const = default;
};

struct FactQuery {
  Scope scope;                // who asks
  std::string text;           // what for: facts with its words come first. Empty: no matter
  std::string subject;        // only of it; empty: of all
  std::string predicate;      // likewise
  std::optional<Time> valid;  // as of then; none: now
  std::optional<Time> known;  // as it was believed then; none: now
  bool negated = true;        // also what is known not to be so
  double confidence_min = 0.5;
  int facts_max = 40;
  int bytes_max = 2'000;  // of their lines together (line_of), so that a prompt has a bound; 0: no bound
};

struct Facts {
  std::vector<Fact> facts;  // by subject, predicate and object: the same facts have the same order
  int left_out = 0;         // beyond the bounds, those that fit the question least
};

/// Bounds of semantic memory, with what happens at each.
struct FactLimits {
  int claims_per_episode_max = 16;  // the first ones are kept
  int claims_per_key_max = 128;     // of one subject and predicate: the oldest are dropped, their episodes stay
  int text_bytes_max = 16'384;      // of an episode is read
  int object_bytes_max = 120;       // a longer one is no fact
};

inline constexpr std::size_t kFactEvidenceMax = 8;

/// "Anna lives in Oslo (since 2025-02-01)" in the words of a list: "Anna · location: Oslo (since 2025-02-01)".
[[nodiscard]] std::string line_of(const Fact& fact);

}  // namespace mnema
