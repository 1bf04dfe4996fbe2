// agents/turn/event_text.hpp
//
// The words of an event, for prompts, recall and prestaging: its payload if that is text; of a GitHub issue or comment
// its title and body; of other JSON a member "text" or "message", else the whole payload.
//
// Threads: pure function.
#pragma once

#include <string>

#include "runtime/events/event.hpp"

namespace mnema {

[[nodiscard]] std::string text_of(const Event& event);

}  // namespace mnema
