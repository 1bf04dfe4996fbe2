// inference/chat/jinja_strings.hpp
//
// What filters and methods do to texts, as Python's str does it; letters are ASCII's. Each byte keeps who wrote it.
//
// Threads: pure over their arguments.
#pragma once

#include <cstdint>
#include <string_view>

#include "inference/chat/jinja_rendering.hpp"

namespace mnema::jinja {

inline constexpr std::string_view kBlanks = " \t\r\n\v\f";

enum class Case { kUpper, kLower, kTitle, kCapitalized };

/// Without the `characters` at its ends.
[[nodiscard]] Text stripped(const Text& text, std::string_view characters, bool left, bool right);
[[nodiscard]] Text with_case(const Text& text, Case wanted);
/// At most `most` replacements from the left; < 0 = all.
[[nodiscard]] Text replaced(Rendering& rendering, const Text& text, const Text& from, const Text& to,
                            std::int64_t most = -1);
/// `separator` = nullptr: at runs of blanks. At most `most` cuts; < 0 = all.
[[nodiscard]] List split(Rendering& rendering, const Text& text, const Text* separator, std::int64_t most);
[[nodiscard]] List split_from_right(Rendering& rendering, const Text& text, const Text& separator, std::int64_t most);
[[nodiscard]] List split_lines(Rendering& rendering, const Text& text);
[[nodiscard]] Text joined(Rendering& rendering, const List& list, const Text& separator);
/// Each line but the first (and blank ones) moved to the right, as `indent` does it.
[[nodiscard]] Text indented(Rendering& rendering, const Text& text, const Text& margin, bool first, bool blank_lines);
[[nodiscard]] std::size_t characters_in(std::string_view text);

}  // namespace mnema::jinja
