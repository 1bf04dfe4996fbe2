// runtime/events/prestage.hpp
//
// Who wants to know that an event is there before its turn starts: the engine lets the session's KV pages climb, memory
// embeds the text. A hint only: an observer may do nothing, and a turn never waits for it.
//
// Threads: called on the mailbox's home executor right after the commit, once per accepted event, never for duplicates;
//          must return at once and hand work elsewhere.
#pragma once

#include <memory>

#include "runtime/events/event.hpp"

namespace mnema {

class PrestageObserver {
 public:
  virtual ~PrestageObserver() = default;
  virtual void on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) = 0;
};

}  // namespace mnema
