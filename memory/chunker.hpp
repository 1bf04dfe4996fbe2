// memory/chunker.hpp
//
// Documents cut into pieces that can be recalled: at headings, then at paragraphs, lists and code fences, and only
// where a single paragraph is too long at a sentence or a line. A chunk knows the headings above it and its exact place
// in the source, so that a citation can be checked.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/record.hpp"

namespace mnema {

struct CutDocument {
  std::string title;  // the first heading; empty: there is none
  std::vector<Chunk> chunks;
};

/// Names how documents are cut; stored with each, and another name means cutting anew.
inline constexpr std::string_view kCutFormat = "structure/1";

/// `bytes` are valid UTF-8. A token is taken for four bytes, since memory knows no tokenizer.
[[nodiscard]] CutDocument cut_document(std::string_view bytes, MediaType media_type, int chunk_tokens_max);

}  // namespace mnema
