// agents/turn/user_reply.hpp
//
// What a chat's message says of the turn before it: whether it is only the other half of what the agent has asked, or
// says that what was just done was wrong. By common English beginnings; what is not known is taken for neither.
//
// Threads: pure functions.
#pragma once

#include <string_view>

namespace mnema {

/// Whether the message answers `previous`, the agent's last one, which asked something, or begins like an answer ("Yes,
/// please go ahead"). Its words then tell no kind of task.
[[nodiscard]] bool is_answer(std::string_view text, std::string_view previous);

/// Whether it says that what was just done is not what was wanted: "That's wrong", "Undo that", "No, the other one". A
/// "no" that answers a question, or comes with thanks, is none.
[[nodiscard]] bool is_correction(std::string_view text, std::string_view previous);

}  // namespace mnema
