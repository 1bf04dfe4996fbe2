#include "memory/documents/plain_text.hpp"

#include <algorithm>
#include <string>

#include "memory/documents/line_ends.hpp"

namespace mnema {
namespace {

constexpr std::size_t kRowBytesMax = 64 << 10;   // an open quote that runs on longer is no field
constexpr std::size_t kJsonPieceBytesMin = 200;  // of a long line

void add(std::string_view text, std::size_t begin, std::size_t end, TextBlockKind kind, TextBlockSink& sink) {
  const std::string_view block = without_blank_lines(text.substr(begin, end - begin));
  if (block.empty()) return;
  const std::size_t at = static_cast<std::size_t>(block.data() - text.data());
  sink.add({kind, 0, block, at, at + block.size()});
}

void read_paragraphs(std::string_view text, std::size_t begin, std::size_t end, TextBlockKind kind,
                     TextBlockSink& sink) {
  for (std::size_t at = begin; at < end;) {
    const std::size_t next = std::min(next_line(text, at), end);
    if (trimmed(text.substr(at, next - at)).empty()) {
      add(text, begin, at, kind, sink);
      begin = next;
    }
    at = next;
  }
  add(text, begin, end, kind, sink);
}

/// One past the row that begins at `at`.
std::size_t row_end(std::string_view text, std::size_t at) {
  bool quoted = false;
  bool at_field_begin = true;
  const std::size_t last = std::min(text.size(), at + kRowBytesMax);
  for (std::size_t i = at; i < last; ++i) {
    const char c = text[i];
    if (c == '"') {
      quoted = quoted ? false : at_field_begin || (i > at && text[i - 1] == '"');
    } else if (!quoted && (c == '\n' || c == '\r')) {
      return next_line(text, i);
    }
    at_field_begin = c == ',' || c == ';' || c == '\t' || c == '|';
  }
  return quoted || last < text.size() ? next_line(text, at) : text.size();
}

}  // namespace

void read_plain_text(std::string_view text, TextBlockSink& sink) {
  read_paragraphs(text, 0, text.size(), TextBlockKind::kLines, sink);
}

void read_pages(std::string_view text, TextBlockSink& sink) {
  std::size_t begin = 0;
  for (int page = 1; begin < text.size(); ++page) {
    const std::size_t end = std::min(text.find('\f', begin), text.size());
    const std::string_view words = text.substr(begin, end - begin);
    if (!trimmed(words).empty()) {
      const std::string heading = "page " + std::to_string(page);
      sink.add({TextBlockKind::kHeading, 1, heading, begin, begin});
      read_paragraphs(text, begin, end, TextBlockKind::kLines, sink);
    }
    begin = end + 1;
  }
}

void read_source_code(std::string_view text, TextBlockSink& sink) {
  read_paragraphs(text, 0, text.size(), TextBlockKind::kCode, sink);
}

void read_separated_values(std::string_view text, TextBlockSink& sink) {
  bool header = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = row_end(text, at);
    const std::string_view row = trimmed(text.substr(at, next - at));
    if (!row.empty()) {
      const std::size_t begin = static_cast<std::size_t>(row.data() - text.data());
      sink.add({header ? TextBlockKind::kTableHeader : TextBlockKind::kTableRow, 0, row, begin, begin + row.size()});
      header = false;
    }
    at = next;
  }
}

void read_json(std::string_view text, TextBlockSink& sink) {
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n' || c == '\r') {
      quoted = false;  // no JSON string goes over a line end
    } else if (quoted && c == '\\') {
      ++at;
      continue;
    } else if (c == '"') {
      quoted = !quoted;
      continue;
    }
    const bool line_end = c == '\n' || c == '\r';
    const bool joint = !quoted && (c == ',' || c == '}' || c == ']') && at + 1 - begin >= kJsonPieceBytesMin;
    if (!line_end && !joint) continue;
    add(text, begin, at + 1, TextBlockKind::kLines, sink);
    begin = at + 1;
  }
  add(text, begin, text.size(), TextBlockKind::kLines, sink);
}

}  // namespace mnema
