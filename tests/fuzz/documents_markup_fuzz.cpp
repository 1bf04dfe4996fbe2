// tests/fuzz/documents_markup_fuzz.cpp
//
// A hostile HTML page or Markdown text is cut into chunks of bounded size whose places lie in the file, in order of
// their beginnings' own blocks. The first byte picks the format: HTML where it is odd.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "memory/chunker.hpp"
#include "memory/documents/token_estimate.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size < 1 || size > 65'536) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const MediaType type = data[0] % 2 != 0 ? MediaType::kHtml : MediaType::kMarkdown;
  constexpr int kTokensMax = 32;
  const auto cut = cut_document(bytes, type, kTokensMax);
  if (!cut.ok()) {
    CHECK(cut.error().code == ErrorCode::kInvalidArgument, "a document is refused for what it holds");
    return 0;
  }
  for (const Chunk& chunk : cut->chunks) {
    CHECK(is_valid_utf8(chunk.text) && is_valid_utf8(chunk.heading_path), "chunks are UTF-8");
    CHECK(tokens_in(chunk.text) <= kTokensMax, "chunks are within their tokens");
    const TextRange& range = chunk.range;
    CHECK(0 <= range.byte_begin && range.byte_begin <= range.byte_end, "a chunk ends after its beginning");
    CHECK(range.byte_end <= static_cast<std::int64_t>(bytes.size()), "a chunk lies in its file");
    CHECK(1 <= range.line_begin && range.line_begin < range.line_end, "lines count from 1");
  }
  return 0;
}
