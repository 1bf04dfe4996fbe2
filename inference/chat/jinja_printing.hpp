// inference/chat/jinja_printing.hpp
//
// Values as texts: what `{{ value }}` prints, and Python's repr(), as it appears inside a printed list.
//
// Threads: pure over their arguments.
#pragma once

#include <string>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// Of what is nested deeper, no text is made: an error of the template.
inline constexpr int kWrittenDepthMax = 200;

/// Python's str(). Stops soon after `kTextBytesMax`.
[[nodiscard]] std::string printed(Rendering& rendering, const Value& value);
/// Python's repr(); likewise.
[[nodiscard]] std::string representation(Rendering& rendering, const Value& value);

}  // namespace mnema::jinja
