// memory/documents/shown_name.hpp
//
// Names of files and other texts from outside, as they may be printed in one line: in a list of sources, a log, a
// terminal, a prompt.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace mnema {

/// `text` with controls, line separators, signs that turn the direction of writing, and bytes that are no UTF-8
/// escaped: "\\n", "\\x1b", "\\u{202e}".
[[nodiscard]] std::string shown_text(std::string_view text);

/// The same of a file's name; a backslash is doubled, so that no two names look alike.
[[nodiscard]] std::string shown_name(std::string_view name);

}  // namespace mnema
