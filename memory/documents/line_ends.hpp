// memory/documents/line_ends.hpp
//
// Lines of a text as editors and CommonMark count them: a line ends with LF, CR LF or CR.
//
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace mnema {

/// One past the line end of the line that begins at `at`.
[[nodiscard]] inline std::size_t next_line(std::string_view text, std::size_t at) {
  const std::size_t end = text.find_first_of("\r\n", at);
  if (end == std::string_view::npos) return text.size();
  return end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
}

/// The line of [at, next) without blanks and line ends at either side.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n\f\v");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n\f\v") - begin + 1);
}

/// `text` without blank lines at its beginning, which keeps the first line's indentation, and without blanks at its
/// end.
[[nodiscard]] inline std::string_view without_blank_lines(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  const std::size_t before = text.substr(0, first).find_last_of("\r\n");
  text.remove_prefix(before == std::string_view::npos ? 0 : before + 1);
  return text.substr(0, text.find_last_not_of(" \t\r\n\f\v") + 1);
}

}  // namespace mnema
