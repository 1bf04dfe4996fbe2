// memory/chunker.hpp
//
// Files cut into pieces that can be recalled: decoded, read by the reader of their format (memory/documents/), cut at
// headings and blocks, and only where a block is too long inside of it. A chunk knows the headings above it and its
// exact place in the file, so that a citation can be checked.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "memory/record.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct CutDocument {
  std::string title;  // the first heading, of a page with a <title> the first <h1>, else that; empty: there is none
  std::vector<Chunk> chunks;
  std::string encoding;
  std::string note;  // one sentence where the encoding had to be found out, or something is broken; or empty
};

/// Names how documents are cut; stored with each, and another name means cutting anew.
[[nodiscard]] std::string cut_format(int chunk_tokens_max);

/// No chunk's text has more than `chunk_tokens_max` tokens as memory/documents/token_estimate.hpp counts them, and no
/// range leaves the file. Errors: `kInvalidArgument` (not text), whose message goes on from the document's name.
[[nodiscard]] Result<CutDocument> cut_document(std::string_view bytes, MediaType media_type, int chunk_tokens_max);

}  // namespace mnema
