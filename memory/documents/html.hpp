// memory/documents/html.hpp
//
// HTML as a reader sees it: headings, paragraphs, lists, tables with their rows, preformatted text with its lines;
// without scripts, styles and navigation. gumbo makes the tree, of what memory/documents/html_reduce.hpp leaves of the
// page.
//
// Threads: pure function.
#pragma once

#include <string_view>

#include "memory/documents/text_block.hpp"

namespace mnema {

/// Anything is HTML: there are no errors. `html` is valid UTF-8. The text of a block is not its source.
void read_html(std::string_view html, TextBlockSink& sink);

}  // namespace mnema
