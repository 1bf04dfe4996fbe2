// memory/documents/plain_text.hpp
//
// Readers of what has no markup: text and logs by line, source code, tables of separated values, JSON.
//
// Threads: pure functions; time is linear in the text.
#pragma once

#include <string_view>

#include "memory/documents/text_block.hpp"

namespace mnema {

/// What stands between empty lines is a block, cut between lines.
void read_plain_text(std::string_view text, TextBlockSink& sink);

/// Pages that end with a form feed, each under the heading "page 3".
void read_pages(std::string_view text, TextBlockSink& sink);

/// Text cut at empty lines first.
void read_source_code(std::string_view text, TextBlockSink& sink);

/// CSV and TSV: the first row is the header; a quoted field may hold line ends. A quote that is never closed is a sign
/// like any other.
void read_separated_values(std::string_view text, TextBlockSink& sink);

/// JSON and JSON Lines, whether valid or not: by line, and where a line is long (as of a minified file) behind a comma
/// or bracket that stands in no string.
void read_json(std::string_view text, TextBlockSink& sink);

}  // namespace mnema
