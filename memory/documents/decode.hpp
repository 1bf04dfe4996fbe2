// memory/documents/decode.hpp
//
// Bytes of a file as UTF-8, whatever they were written in, and the way back from a place in the text to the place in
// the file.
//
// The encoding is, in this order: what a byte order mark says; what an HTML page declares; UTF-8 where the bytes are
// that, but for a few; UTF-16 where they can be nothing else; what a detector (uchardet) takes them for.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

struct DecodedText {
  std::string text;         // valid UTF-8; no byte order mark, no zero bytes
  std::string encoding;     // "UTF-8", "UTF-16LE", "windows-1252", ...: as ICU knows it
  std::size_t skipped = 0;  // bytes of the mark
  int broken = 0;           // places that are none in this encoding: U+FFFD in the text
  std::string note;         // one sentence where the encoding was not said by anybody, or something is broken; or empty
};

/// Errors: `kInvalidArgument` (not text).
[[nodiscard]] Result<DecodedText> decode_text(std::string_view bytes, bool html);

/// The places in `bytes` of `places` in the text, which rise.
[[nodiscard]] std::vector<std::size_t> source_places(std::string_view bytes, const DecodedText& decoded,
                                                     const std::vector<std::size_t>& places);

}  // namespace mnema
