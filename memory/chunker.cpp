#include "memory/chunker.hpp"

#include <algorithm>
#include <utility>

#include "memory/documents/cutter.hpp"
#include "memory/documents/decode.hpp"
#include "memory/documents/html.hpp"
#include "memory/documents/markdown.hpp"
#include "memory/documents/plain_text.hpp"

namespace mnema {
namespace {

void read(std::string_view text, MediaType media_type, TextBlockSink& sink) {
  switch (media_type) {
    case MediaType::kMarkdown:
    case MediaType::kDocx:  // as it was converted
      return read_markdown(text, sink);
    case MediaType::kHtml:
      return read_html(text, sink);
    case MediaType::kTable:
      return read_separated_values(text, sink);
    case MediaType::kJson:
      return read_json(text, sink);
    case MediaType::kCode:
      return read_source_code(text, sink);
    case MediaType::kPdf:
      return read_pages(text, sink);
    case MediaType::kPlainText:
      return read_plain_text(text, sink);
  }
}

/// From places in the text to places in the file.
void set_places(std::vector<Chunk>& chunks, std::string_view bytes, const DecodedText& decoded) {
  if (decoded.encoding == "UTF-8" && decoded.skipped == 0 && decoded.broken == 0) return;
  std::vector<std::size_t> places;
  for (const Chunk& chunk : chunks) {
    places.push_back(static_cast<std::size_t>(chunk.range.byte_begin));
    places.push_back(static_cast<std::size_t>(chunk.range.byte_end));
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  const std::vector<std::size_t> found = source_places(bytes, decoded, places);
  const auto source_of = [&](std::int64_t place) {
    const auto at = std::lower_bound(places.begin(), places.end(), static_cast<std::size_t>(place));
    return static_cast<std::int64_t>(found[static_cast<std::size_t>(at - places.begin())]);
  };
  for (Chunk& chunk : chunks) {
    chunk.range.byte_begin = source_of(chunk.range.byte_begin);
    chunk.range.byte_end = source_of(chunk.range.byte_end);
  }
}

}  // namespace

std::string cut_format(int chunk_tokens_max) { return "blocks/3/" + std::to_string(chunk_tokens_max); }

Result<CutDocument> cut_document(std::string_view bytes, MediaType media_type, int chunk_tokens_max) {
  ASSIGN_OR_RETURN(DecodedText decoded, decode_text(bytes, media_type == MediaType::kHtml));
  Cutter cutter(decoded.text, media_type != MediaType::kHtml, static_cast<std::size_t>(std::max(chunk_tokens_max, 1)));
  read(decoded.text, media_type, cutter);
  CutDocument cut = cutter.take();
  if (media_type == MediaType::kPdf) cut.title.clear();  // a page's number is none
  if (media_type == MediaType::kPdf || media_type == MediaType::kDocx) {
    // Places in the text that a tool made are not places in the file.
    for (Chunk& chunk : cut.chunks) chunk.range = {0, 0, 0, 0};
  } else {
    set_places(cut.chunks, bytes, decoded);
  }
  cut.encoding = std::move(decoded.encoding);
  cut.note = std::move(decoded.note);
  return cut;
}

}  // namespace mnema
