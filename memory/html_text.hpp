// memory/html_text.hpp
//
// HTML as blocks of plain text with their places in the source: what a reader sees, without scripts, styles and
// navigation.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnema {

struct TextBlock {
  int heading_level = 0;  // 1..6; 0 = not a heading
  std::string text;
  std::size_t byte_begin = 0;  // in the source
  std::size_t byte_end = 0;
};

/// In order of the source. Anything is HTML to the parser: there are no errors.
[[nodiscard]] std::vector<TextBlock> html_blocks(std::string_view html);

}  // namespace mnema
