// agents/turn/turn_observer.hpp
//
// Who watches turns from outside: metrics, the trace of a test, the crash switch.
//
// Threads: called on the turn's strand, so from several threads for several turns; must be short.
#pragma once

#include <string_view>

#include "runtime/events/event.hpp"

namespace mnema {

/// Where in its life a step is.
enum class StepPhase {
  kCreated,     // the handler asked for it; nothing has happened
  kStarted,     // for effects: `started` is on disk, the effect has not begun
  kEffectDone,  // for effects: it has happened, `done` is not on disk yet
  kDone,        // its value is known to the journal
  kReplayed,    // its value came back from the journal
};

struct StepPassage {
  std::string_view agent;
  std::string_view key;
  Sequence sequence = 0;  // of the event; 0 for a foreground chat
  std::string_view path;
  std::string_view name;
  StepPhase phase = StepPhase::kCreated;
};

class TurnObserver {
 public:
  virtual ~TurnObserver() = default;
  virtual void on_step(const StepPassage& passage) = 0;
};

}  // namespace mnema
