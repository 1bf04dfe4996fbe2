// memory/documents/markdown.hpp
//
// Markdown as CommonMark understands its blocks (cmark-gfm), with tables as GitHub writes them. The text of a block is
// its source, which a language model reads as well as a person does; headings lose their marks.
//
// The parser is given one line after the other and its finished blocks are taken from the tree at once: what is kept is
// the chain of open containers. Its inline phase is never run, and signs that would open containers in others beyond
// column 96, or define references, are kept from it. So time is linear in the text and memory does not grow with it.
//
// Threads: pure function.
#pragma once

#include <string>
#include <string_view>

#include "memory/documents/text_block.hpp"

namespace mnema {

/// Anything is Markdown: there are no errors. `text` is valid UTF-8 without zero bytes. Front matter between two lines
/// "---" at the beginning is a block of lines.
void read_markdown(std::string_view text, TextBlockSink& sink);

/// The words of a line of Markdown as a reader sees them: "The **big** [plan](x.md)" is "The big plan".
[[nodiscard]] std::string plain_inlines(std::string_view source);

}  // namespace mnema
