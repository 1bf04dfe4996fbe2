// memory/documents/text_block.hpp
//
// What the readers of memory/documents/ make of a text: blocks in order, each with its place. They are handed to a sink
// one by one and never kept, so that a document of millions of lines needs no list of them.
//
// Threads: plain values; a sink is used by one thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace mnema {

/// Decides where a block that is too long for a chunk is cut, and how it is joined to the one before.
enum class TextBlockKind {
  kHeading,      // of `heading_level`; the context of what follows
  kParagraph,    // cut after a sentence
  kLines,        // lists, logs, plain text: cut between lines
  kCode,         // cut at empty lines, else between lines
  kTableHeader,  // repeated at the top of each chunk that begins with a row of its table
  kTableRow,     // never cut while it fits into a chunk
};

struct TextBlock {
  TextBlockKind kind = TextBlockKind::kParagraph;
  int heading_level = 0;  // 1..6 of a heading
  std::string_view text;  // valid during the call
  std::size_t begin = 0;  // in the decoded text
  std::size_t end = 0;
};

class TextBlockSink {
 public:
  virtual ~TextBlockSink() = default;
  /// Places never go back.
  virtual void add(const TextBlock& block) = 0;
  /// What the document calls itself beside its headings (`<title>`).
  virtual void name(std::string_view) {}
};

}  // namespace mnema
