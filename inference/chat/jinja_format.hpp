// inference/chat/jinja_format.hpp
//
// Python's three ways to format: `"%s" % value`, `"{}".format(value)`, and the format specifications of the latter.
//
// Source: "printf-style String Formatting" and "Format String Syntax" of Python's library reference.
//
// Threads: pure over their arguments.
#pragma once

#include <string>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

/// Widths and precisions that are taken at most.
inline constexpr int kFormatWidthMax = 1'000'000;
inline constexpr int kFormatPrecisionMax = 1'000;

/// `format % value`. Precondition: `format` is a text.
[[nodiscard]] Value percent_formatted(Rendering& rendering, const Value& format, const Value& value);
/// `format.format(arguments)`. Precondition: `format` is a text.
[[nodiscard]] Value brace_formatted(Rendering& rendering, const Value& format, const Arguments& arguments);

}  // namespace mnema::jinja
