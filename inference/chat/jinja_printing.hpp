// inference/chat/jinja_printing.hpp
//
// Values as texts: as `{{ }}` prints them, as Python's repr() has them inside a list, and as JSON. What is content
// stays content, quoted or not. An error of the rendering where the text would grow past its bounds.
//
// Threads: pure over their arguments.
#pragma once

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// What `{{ value }}` prints.
[[nodiscard]] Text printed(Rendering& rendering, const Value& value);
/// json.dumps(value, ensure_ascii=False); `indent` < 0 = one line with ", " and ": ". A dictionary that knows its
/// spelling is written with that, where it stands alone on one line.
[[nodiscard]] Text to_json(Rendering& rendering, const Value& value, int indent = -1, bool sort_names = false);

}  // namespace mnema::jinja
