// agents/turn/passage_units.hpp
//
// A recalled text taken apart into what can be read alone: the rows of a table, each with the names of its columns
// ("model: X; speed: 12 m/s"), list items, lines of code and of settings, sentences of running text. So a short prompt
// can show the row that is wanted instead of the table.
//
// The text is a chunk as memory/chunker.hpp cuts it, in Markdown, plain text or code; what is malformed becomes lines.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnema {

struct PassageUnit {
  enum class Kind { kRow, kItem, kLine, kSentence };
  Kind kind = Kind::kSentence;
  std::string text;  // never empty, without blanks at its ends
  std::string head;  // what it is about, where its form says so: the first cell of a row, the words before a colon
};

/// In the order of the text; all of it but the delimiters of tables and the fences of code.
[[nodiscard]] std::vector<PassageUnit> passage_units(std::string_view text);

}  // namespace mnema
