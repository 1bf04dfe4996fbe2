// tests/fuzz/documents_text_fuzz.cpp
//
// Bytes in any encoding are decoded to UTF-8 whose places lead back into the file, read by each reader of files without
// markup, and made into terms that hold no sign of a query. The first byte picks the format.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "memory/chunker.hpp"
#include "memory/text_terms.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size < 1 || size > 65'536) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  constexpr MediaType kTypes[] = {MediaType::kPlainText, MediaType::kTable, MediaType::kJson, MediaType::kCode};
  const auto cut = cut_document(bytes, kTypes[data[0] % 4], 32);
  static const TermMaker& terms = *new TermMaker(TermMaker::make("english").value());
  if (!cut.ok()) return 0;
  for (const Chunk& chunk : cut->chunks) {
    CHECK(is_valid_utf8(chunk.text), "chunks are UTF-8");
    CHECK(chunk.range.byte_begin <= chunk.range.byte_end, "a chunk ends after its beginning");
    CHECK(chunk.range.byte_end <= static_cast<std::int64_t>(bytes.size()), "a chunk lies in its file");
    for (const std::string& term : terms.terms(chunk.text)) {
      CHECK(!term.empty() && term.find_first_of("\" *()^:-'") == std::string::npos, "a term is letters and digits");
    }
  }
  return 0;
}
