#include "memory/chunker.hpp"

#include <algorithm>
#include <array>

#include "memory/html_text.hpp"

namespace mnema {
namespace {

constexpr std::size_t kBytesPerToken = 4;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Where a piece of at most `bytes_max` bytes should end: after a paragraph's sentence, a line or a word, and never
/// inside a character.
std::size_t cut_before(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text.size();
  for (const std::string_view mark : {std::string_view(". "), std::string_view("\n"), std::string_view(" ")}) {
    const std::size_t at = text.rfind(mark, bytes_max - mark.size());
    if (at != std::string_view::npos && at >= bytes_max / 3) return at + mark.size();
  }
  std::size_t end = bytes_max;
  while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return end;
}

/// Level 1..6 of a Markdown heading ("## Title"), else 0.
int markdown_heading(std::string_view line) {
  std::size_t level = 0;
  while (level < line.size() && line[level] == '#') ++level;
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' ' ? static_cast<int>(level) : 0;
}

/// Blocks of Markdown or plain text: paragraphs are what stands between empty lines; a code fence is one block.
std::vector<TextBlock> text_blocks(std::string_view bytes, bool markdown) {
  std::vector<TextBlock> blocks;
  std::size_t begin = 0;
  std::string_view fence;  // what the open code block began with; empty: none is open
  const auto flush = [&](std::size_t end) {
    const std::string_view text = trimmed(bytes.substr(begin, end - begin));
    if (!text.empty()) {
      const std::size_t at = static_cast<std::size_t>(text.data() - bytes.data());
      blocks.push_back({0, std::string(text), at, at + text.size()});
    }
  };
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t newline = bytes.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? bytes.size() : newline + 1;
    const std::string_view line = trimmed(bytes.substr(at, next - at));
    for (const std::string_view mark : {std::string_view("```"), std::string_view("~~~")}) {
      if (markdown && line.starts_with(mark) && (fence.empty() || fence == mark)) {
        fence = fence.empty() ? mark : std::string_view();
        break;
      }
    }
    const int heading = markdown && fence.empty() ? markdown_heading(line) : 0;
    if (heading > 0) {
      flush(at);
      std::string_view title = trimmed(line.substr(static_cast<std::size_t>(heading)));
      while (title.ends_with('#')) title = trimmed(title.substr(0, title.size() - 1));
      blocks.push_back({heading, std::string(title), at, next});
      begin = next;
    } else if (line.empty() && fence.empty()) {
      flush(at);
      begin = next;
    }
    at = next;
  }
  flush(bytes.size());
  return blocks;
}

class Cutter {
 public:
  Cutter(std::string_view bytes, std::size_t bytes_max) : bytes_(bytes), bytes_max_(bytes_max) {}

  void add(const TextBlock& block) {
    if (block.heading_level > 0) {
      flush();
      const auto level = static_cast<std::size_t>(block.heading_level - 1);
      headings_[level] = block.text;
      std::fill(headings_.begin() + block.heading_level, headings_.end(), std::string());
      if (cut_.title.empty()) cut_.title = block.text;
      return;
    }
    if (block.text.size() > bytes_max_) {
      flush();
      return add_in_pieces(block);
    }
    if (!open_.empty() && open_.size() + 2 + block.text.size() > bytes_max_) flush();
    if (open_.empty()) begin_ = block.byte_begin;
    open_ += (open_.empty() ? "" : "\n\n") + block.text;
    end_ = block.byte_end;
  }

  CutDocument take() {
    flush();
    return std::move(cut_);
  }

 private:
  void add_in_pieces(const TextBlock& block) {
    // A block whose text is its source has exact places; one that was made from HTML has those of the whole.
    const bool exact = block.byte_end - block.byte_begin == block.text.size();
    std::string_view rest = block.text;
    while (!rest.empty()) {
      const std::size_t size = cut_before(rest, bytes_max_);
      const std::size_t at = static_cast<std::size_t>(rest.data() - block.text.data());
      begin_ = exact ? block.byte_begin + at : block.byte_begin;
      end_ = exact ? begin_ + size : block.byte_end;
      open_ = trimmed(rest.substr(0, size));
      flush();
      rest.remove_prefix(size);
    }
  }

  void flush() {
    if (open_.empty()) return;
    Chunk chunk;
    for (const std::string& heading : headings_) {
      if (heading.empty()) continue;
      chunk.heading_path += (chunk.heading_path.empty() ? "" : " › ") + heading;
    }
    chunk.text = std::move(open_);
    chunk.range.byte_begin = static_cast<std::int64_t>(begin_);
    chunk.range.byte_end = static_cast<std::int64_t>(end_);
    chunk.range.line_begin = line_of(begin_);
    chunk.range.line_end = line_of(end_ > begin_ ? end_ - 1 : end_) + 1;
    cut_.chunks.push_back(std::move(chunk));
    open_.clear();
  }

  /// Counts on from the last place asked for; places come nearly in order.
  int line_of(std::size_t place) {
    if (place < counted_to_) counted_to_ = 0, line_ = 1;
    line_ += static_cast<int>(
        std::count(bytes_.begin() + static_cast<long>(counted_to_), bytes_.begin() + static_cast<long>(place), '\n'));
    counted_to_ = place;
    return line_;
  }

  const std::string_view bytes_;
  const std::size_t bytes_max_;
  CutDocument cut_;
  std::array<std::string, 6> headings_;
  std::string open_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t counted_to_ = 0;
  int line_ = 1;
};

}  // namespace

CutDocument cut_document(std::string_view bytes, MediaType media_type, int chunk_tokens_max) {
  const std::vector<TextBlock> blocks =
      media_type == MediaType::kHtml ? html_blocks(bytes) : text_blocks(bytes, media_type == MediaType::kMarkdown);
  Cutter cutter(bytes, std::max<std::size_t>(16, static_cast<std::size_t>(chunk_tokens_max) * kBytesPerToken));
  for (const TextBlock& block : blocks) cutter.add(block);
  return cutter.take();
}

}  // namespace mnema
