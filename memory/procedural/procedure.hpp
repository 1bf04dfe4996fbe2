// memory/procedural/procedure.hpp
//
// The nouns of procedural memory. A task run is what one turn did with its tools, without any value: which tools, in
// which order, and where each argument came from. A procedure is how runs of one kind of task that succeeded were done.
//
//   A procedure has no word and no value of anybody: only the names of tools and of their declared arguments. So
//   nothing that a user or a text from outside said can become an instruction, and what one person chose is not told
//   to the next. What it was learned from still counts: it has the trust of what those turns were given, and is shown
//   to no turn that is trusted more, nor to anybody else while all of it comes from one owner (procedure_store.hpp).
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/record.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Counted from 1 over the whole file, never reused. 0: none.
using TaskRunId = std::int64_t;
using ProcedureId = std::int64_t;

/// Where the value of an argument came from. Persisted: append only, never renumber.
enum class ArgumentOrigin : int {
  kChosen = 0,  // the model's own words or choice
  kTask = 1,    // it stood in the event, or in what the user said
  kResult = 2,  // in the result of an earlier call
};

struct ArgumentShape {
  std::string name;  // as the tool declares it
  ArgumentOrigin origin = ArgumentOrigin::kChosen;
  std::string from;  // kResult: the tool

  bool operator==(const ArgumentShape&) const = default;
};

struct TaskStep {
  std::string tool;
  std::vector<ArgumentShape> arguments;

  bool operator==(const TaskStep&) const = default;
};

/// What one turn did, as its commit records it.
struct TaskRun {
  Scope owner;         // whose turn it was, a user or a key: with that scope the row is erased
  std::string thread;  // Ctx::thread
  std::string event_type;
  std::string text;       // what the task was. Only hashes of its words are kept
  EpisodeId episode = 0;  // the first that the turn remembered; 0: none
  Time time{};
  Trust trust = Trust::kExternal;  // of what the model was given before its first call
  std::vector<TaskStep> steps;     // calls that went well and were needed; empty: nothing to learn
  int calls = 0;                   // that the model made, all of them
  bool succeeded = false;
  std::string because;        // why it did not: our own words
  ProcedureId procedure = 0;  // that was shown for this task
};

/// Persisted: append only, never renumber.
enum class ProcedureState : int {
  kLearning = 0,  // too few successes yet
  kActive = 1,    // is shown
  kDemoted = 2,   // failed too often: is not shown until somebody restores it
};
[[nodiscard]] const char* name_of(ProcedureState state);

struct Procedure {
  ProcedureId id = 0;
  Scope scope;  // {tenant, agent}
  std::string event_type;
  Trust trust = Trust::kExternal;
  ProcedureState state = ProcedureState::kLearning;
  std::vector<TaskStep> steps;
  std::string words;     // an operator's, in place of the steps; empty: none
  int learned_from = 0;  // runs of `evidence`
  int successes = 0;     // of turns that were shown it
  int failures = 0;      // likewise
  Time changed{};
  std::vector<TaskRunId> evidence;  // successes, the newest ones

  bool operator==(const Procedure&) const = default;
};

/// The fields of Limits that bound procedural memory.
struct ProcedureLimits {
  ProcedureLimits() : ProcedureLimits(Limits()) {}
  explicit ProcedureLimits(const Limits& limits)
      : successes_min(limits.procedure_successes_min),
        failures_max(limits.procedure_failures_max),
        tokens_max(limits.procedure_tokens_max),
        steps_max(limits.procedure_steps_max),
        procedures_max(limits.procedures_per_agent_max),
        runs_max(limits.task_runs_per_agent_max) {}

  int successes_min;
  int failures_max;
  int tokens_max;
  int steps_max;
  int procedures_max;
  std::int64_t runs_max;
};

/// The event type of chats: their words alone tell the kind of task.
inline constexpr const char* kChatEvent = "chat.message";

/// What a turn asks for.
struct ProcedureQuery {
  Scope owner;  // who asks, as TaskRun::owner
  std::string event_type;
  Trust trust = Trust::kExternal;  // of the turn so far
  std::string text;                // the present task
};

struct ProcedureChange {
  Time time{};
  std::string what;  // "learned from 3 successes", "demoted after 2 failures", "restored"
};

/// Its steps as sentences, or an operator's words, as a prompt has them. The same procedure gives the same bytes.
[[nodiscard]] std::string text_of(const Procedure& procedure);
/// "find_order(order_id) → refund(order_id, reason)": on one line.
[[nodiscard]] std::string line_of(const std::vector<TaskStep>& steps);

/// The steps as they are stored. Errors of reading: `kCorrupt`.
[[nodiscard]] std::string steps_to_json(const std::vector<TaskStep>& steps);
[[nodiscard]] Result<std::vector<TaskStep>> steps_from_json(std::string_view text);

/// What several runs with the same tools in the same order have in common: arguments that most of them gave; an origin
/// on which they agree, else the model's choice. Without runs: nothing.
[[nodiscard]] std::vector<TaskStep> merged_steps(const std::vector<std::vector<TaskStep>>& runs);
/// The names of the tools, in order: what runs of one procedure share.
[[nodiscard]] std::string signature_of(const std::vector<TaskStep>& steps);

}  // namespace mnema
