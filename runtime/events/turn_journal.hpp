// runtime/events/turn_journal.hpp
//
// What a turn has already done, so that a turn that starts again after a crash does nothing twice. Every awaited step
// of a handler has a path: its ordinal of creation under its parent ("3", "3.1"). A step with an effect is on disk as
// `started` before the effect and as `done` after it; a step without one is written once, when it is done. On replay a
// step's value comes from here. A `started` step without an end is the one case in which nobody knows: the tool says
// whether it may be repeated, its reconcile hook finds out, or it stays `in doubt` for a person.
//
// The journal belongs to the event, not to the attempt: a turn's number is its event's sequence.
//
// Threads:   the async methods from any thread; those with a Transaction inside a unit of work. Writes reach the disk
//            in the order they are asked for, so a step whose end is not waited for is durable before any later effect.
// Ownership: borrows all its parts. A `TurnRecord` is a plain value.
// Invariant: each blob's references == steps that name it   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// Persisted: never renumber.
enum class StepState : int { kStarted = 1, kDone = 2, kFailed = 3, kInDoubt = 4 };
[[nodiscard]] std::string_view name_of(StepState state);

/// Less than 0, 0, more than 0: the order of creation. "2" < "2.1" < "10".
[[nodiscard]] int compare_step_paths(std::string_view a, std::string_view b);
struct StepPathOrder {
  [[nodiscard]] bool operator()(const std::string& a, const std::string& b) const {
    return compare_step_paths(a, b) < 0;
  }
};

struct TurnIdentity {
  Sequence turn = 0;  // the event's sequence; > 0
  std::string tenant;
  std::string source;  // of the event
  std::string event_id;
  std::string agent;
  std::string key;
  std::string version;    // of the agent's code; a turn is pinned to the one it began with
  int generation = 0;     // how often the event was redriven with edited data
  std::string user = {};  // of the event
};
[[nodiscard]] TurnIdentity turn_identity(Sequence turn, const Event& event, std::string version = {},
                                         int generation = 0);

/// What an effect hands to the other side so that a repeat is recognised there: 64 hex digits, the same for every
/// attempt, replay and plain redrive of this step; another one after a redrive with edited data, which is another
/// effect: SHA-256 over tenant, source, event id, agent, key, step path and generation.
[[nodiscard]] std::string idempotency_key(const TurnIdentity& identity, std::string_view step_path);

struct StepStart {
  std::string path;
  std::string name;            // "tool:refund", "think", "now"
  std::string arguments_hash;  // hex SHA-256 of the caller's canonical arguments (json.hpp), not of a rendered prompt
};

struct JournalStep {
  StepStart start;
  StepState state = StepState::kStarted;
  int attempts = 1;            // how often it was started
  std::string result;          // of a done step
  std::optional<Error> error;  // of a failed or doubtful one
  Time started_at{};
  Time finished_at{};
};

/// A turn as the journal knows it.
struct TurnRecord {
  TurnIdentity identity;  // `version` is the one the turn began with
  Time started_at{};
  std::optional<Time> finished_at;
  std::map<std::string, JournalStep, StepPathOrder> steps;

  /// The recorded step at this place, or nullptr if the turn has not come here before. Errors: `kFailedPrecondition`
  /// with "non-deterministic" and what differs, if another step stood here.
  [[nodiscard]] Result<const JournalStep*> match(const StepStart& step) const;
};

class TurnJournal {
 public:
  TurnJournal(Database& database, const Clock& clock, const Limits& limits);

  /// Begins a turn of which the journal knows nothing, before its first step. A turn without steps needs none.
  void begin(TurnIdentity identity, Executor& reply_to, std::function<void(Status)> on_done);

  /// The turn with all its steps; begins it if it is new.
  void load(TurnIdentity identity, Executor& reply_to, std::function<void(Result<TurnRecord>)> on_done);

  /// The turn anew: whatever its journal had is forgotten, and it is begun with this identity's version.
  void restart(TurnIdentity identity, Executor& reply_to, std::function<void(Result<TurnRecord>)> on_done);

  /// Makes "this effect is about to happen" durable; only then may it. Starting a `started` step again counts its
  /// attempts. Errors: `kFailedPrecondition` (the step has ended; another step stood here), `kResourceExhausted` (the
  /// turn has `limits.turn_steps_max` steps), `kNotFound` (no such turn), `kStorage`.
  void begin_step(Sequence turn, StepStart step, Executor& reply_to, std::function<void(Status)> on_done);

  /// The started step at `path` gave `result`, or failed with an error that a replay shall see again. The error
  /// `kInDoubt` leaves it in doubt. Errors: `kFailedPrecondition` (not started), `kStorage`.
  void finish_step(Sequence turn, std::string path, Result<std::string> result, Executor& reply_to,
                   std::function<void(Status)> on_done);

  /// A step without an effect, whole. Need not be waited for. Errors: as begin_step.
  void record_step(Sequence turn, StepStart step, Result<std::string> result, Executor& reply_to,
                   std::function<void(Status)> on_done);

  /// Forgets that a step was started or ended (a person decided so; `reconcile` found that it never happened).
  void forget_step(Sequence turn, std::string path, Executor& reply_to, std::function<void(Status)> on_done);

  /// The turn's commit carries this; a turn that was never begun has nothing to finish. From then on the journal is
  /// kept for `limits.journal_retention_hours`.
  [[nodiscard]] Status finish_turn(Transaction& transaction, Sequence turn);

  /// Removes turns that ended longer ago than the retention, at most `turns_max` of them, at background priority.
  /// Answers how many went.
  void purge(int turns_max, Executor& reply_to, std::function<void(Result<int>)> on_done);

  /// CHECKs the invariant. Reads the database: not on a running loop.
  void check_integrity();

 private:
  Database& database_;
  const Clock& clock_;
  const Limits& limits_;
};

}  // namespace mnema
