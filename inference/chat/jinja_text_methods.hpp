// inference/chat/jinja_text_methods.hpp
//
// The methods of Python's str. What they make of a text that went through |safe is such a text too.
//
// Source: "String Methods" of Python's library reference, and markupsafe's Markup.
//
// Threads: pure over their arguments.
#pragma once

#include <string>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

[[nodiscard]] bool is_text_method(std::string_view name);
/// `text.name(arguments)`. Precondition: `text` is one, and there is such a method.
[[nodiscard]] Value call_text_method(Rendering& rendering, std::string_view name, const Value& text,
                                     const Arguments& arguments);

/// `text` with each `from` replaced by `to`, at most `most` times (all if below 0); an empty `from` stands between all
/// characters.
[[nodiscard]] std::string replaced(Rendering& rendering, std::string_view text, std::string_view from,
                                   std::string_view to, std::int64_t most);
/// The lines without their ends.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace mnema::jinja
