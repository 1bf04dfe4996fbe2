// agents/turn/turn_steps.hpp
//
// The steps of one turn, against its journal. Decides for every step a handler asks for whether its value comes back
// from the journal or is to be made, and writes what must be on disk before and after. A foreground chat has no
// journal: its steps are only counted.
//
//   value   drawn at once; recorded without waiting                            (now, uuid, random, seeds)
//   query   made by `start`, recorded when done, without waiting               (recall, decode)
//   effect  `started` on disk, then it happens, then `done` on disk            (tools, ctx.step)
//
// An effect that is known to act by calls of connectors is `started` by its first call, in the moment it leaves
// (`leave`), not before its body runs. One that turns out to make calls is taken back to that state when the first of
// them begins to wait (`begin_call`), and again while a call that found no connection waits for its next attempt. What
// is not `started` when the turn ends is not in doubt.
//
// Writes reach the disk in the order they are asked for, so everything a turn has seen is durable before its next
// effect begins, and what is taken back is so before the event can be dispatched again.
//
// Threads:   the turn's strand, everything, but for what `begin_call` returns (any thread). Callbacks given to others
//            must be called on the strand too.
// Ownership: owned by the turn. Operations in flight keep only what they need; after `abandon` their ends are ignored.
// Invariant: steps created == steps done + steps in flight   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/step.hpp"
#include "agents/turn/turn_observer.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/events/turn_journal.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

/// What an effect's beginning found.
struct BegunEffect {
  bool known = false;      // `value` is the result of an earlier run
  bool uncertain = false;  // it was started before, and nobody knows whether it happened
  std::string value;       // JSON text
};
BOOST_DESCRIBE_STRUCT(BegunEffect, (), (known, uncertain, value))

/// When an effect is `started` on disk.
enum class EffectStart {
  kBeforeBody,  // the body may act at its first line; stays so
  kUntilCall,   // likewise, until it makes a call: then when that leaves
  kWithCall,    // when its first call leaves
};

/// What a call of an effect tells the journal, from any thread (connectors/http/client.hpp).
struct EffectCall {
  std::function<void(std::function<void(Status)>)> before_leaving;
  std::function<void()> did_not_leave;
  std::function<void(bool left)> ended;  // once, when the call is over
};

class TurnSteps {
 public:
  using Operation = std::shared_ptr<StepOperation>;
  /// Gives a query's result. Called on the strand, once; calls after `abandon` do nothing.
  using Finish = std::function<void(Result<std::string>)>;

  struct Parts {
    TurnJournal* journal = nullptr;  // null: a foreground chat
    std::shared_ptr<Strand> strand;  // kept by callbacks in flight, which may outlast the turn
    const Limits& limits;
    TurnObserver* observer = nullptr;
    std::function<void(std::coroutine_handle<>)> resume;  // goes on with a waiting frame
  };
  TurnSteps(TurnRecord record, Parts parts);
  ~TurnSteps();

  /// The value of a step that `draw` makes now, or made in an earlier run. Throws `Failure` when the journal disagrees.
  std::string value(const StepStart& step, const std::function<std::string()>& draw);

  Operation query(const StepStart& step, const std::function<void(Finish)>& start);

  /// The first half of an effect: done when the effect may begin (or need not), with a BegunEffect. `repeatable`: a
  /// started one may simply be done again.
  Operation begin_effect(const StepStart& step, bool repeatable, EffectStart start = EffectStart::kBeforeBody);
  /// A call of the effect at `path`, which must be begun, waits to leave.
  [[nodiscard]] EffectCall begin_call(const std::string& path);
  /// Whether the other side may have seen a call of the effect at `path`.
  [[nodiscard]] bool has_left(const std::string& path) const;
  /// The second half: done when the result is on disk.
  Operation end_effect(const StepStart& step, Result<std::string> result);

  /// The turn is cancelled: its frames are gone and its calls cancelled. Once those have ended, and so it is known
  /// which of them left, every effect that did not is taken back, in front of whatever is written later; then
  /// `stopped`.
  void stop(std::function<void()> stopped);

  /// An operation inside an effect's body: not a step of its own, done again when the effect is.
  Operation external(const std::string& path, const std::function<void(Finish)>& start);

  /// The turn is over: frames are gone, nothing is resumed any more.
  void abandon();

  /// The journal and the handler disagree, or the journal could not be written: the turn must end with this, whatever
  /// its handler makes of it.
  [[nodiscard]] const std::optional<Error>& fatal() const { return fatal_; }
  /// The step that failed last, to be done anew when the turn is tried again. None where the journal failed: whether
  /// the step's effect happened is then known only to the other side.
  [[nodiscard]] std::string failed_path() const { return fatal_ ? "" : failed_path_; }
  [[nodiscard]] const TurnIdentity& identity() const { return record_.identity; }
  [[nodiscard]] int replayed() const { return replayed_; }
  void check_integrity() const;

 private:
  struct Shared;
  /// An effect between its halves.
  struct Effect {
    enum class Started { kNo, kOnTheWay, kYes };
    StepStart start;
    Started started = Started::kNo;  // on disk
    bool is_new = false;             // no earlier run has written its row
    bool body_runs = false;
    bool acts_by_calls = false;  // once it has made one
    bool called = false;
    bool left = false;                                 // by a call that has ended
    std::vector<std::function<void(Status)>> leaving;  // wait for kOnTheWay
  };
  void leave(const std::string& path, std::function<void(Status)> go);
  void started(const std::string& path, const Status& status);
  /// Nothing of this effect has left or is about to: its row, if this run wrote it, goes.
  void take_back(const std::string& path, Effect& effect);
  void call_ended(const std::string& path, bool left);

  /// The turn's row in the journal, before its first step's.
  void begin_journal();
  void observe(const StepStart& step, StepPhase phase) const;
  /// The recorded step, or null for a new one. A disagreement is fatal and comes as an error.
  Result<const JournalStep*> match(const StepStart& step);
  Operation finished(const StepStart& step, Result<std::string> result);
  void complete(const Operation& operation, Result<std::string> result);

  TurnRecord record_;
  const Parts parts_;
  bool journal_begun_;
  std::shared_ptr<Shared> shared_;         // reaches back to us until we are gone
  std::map<std::string, Effect> effects_;  // by path
  int calls_in_flight_ = 0;
  std::function<void()> stopped_;  // set by `stop`
  std::optional<Error> fatal_;
  std::string failed_path_;
  int replayed_ = 0;
  long long created_ = 0;
  long long done_ = 0;
  long long in_flight_ = 0;
};

}  // namespace mnema
