// agents/turn/turn_version.hpp
//
// What becomes of a turn that another code version of its agent began: its journal fits that version, so replaying it
// with this one could repeat effects or mix up results. Decided from the journal alone.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "agents/agent.hpp"
#include "runtime/events/turn_journal.hpp"

namespace mnema {

/// Marks, in `StepStart::arguments_hash`, a step that may be done again at will: recall, decode, computation, a tool
/// that only reads. Persisted.
[[nodiscard]] std::string effect_free(const std::string& hash);

enum class VersionVerdict {
  kGoOn,        // the same version, or nothing in the journal yet
  kRestart,     // the journal is to be begun anew with this version
  kPark,        // the event waits for the program that can go on
  kDeadLetter,  // a person decides
};

struct VersionDecision {
  VersionVerdict verdict = VersionVerdict::kGoOn;
  Error why;  // "needs_version: ...", with kPark and kDeadLetter
};

[[nodiscard]] VersionDecision judge_version(const TurnRecord& record, const AgentSpec& agent);

}  // namespace mnema
