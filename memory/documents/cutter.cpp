#include "memory/documents/cutter.hpp"

#include <algorithm>
#include <utility>

#include "memory/documents/line_ends.hpp"
#include "memory/documents/token_estimate.hpp"

namespace mnema {
namespace {

constexpr std::size_t kHeadingBytesMax = 160;  // of one in a path; a longer one is content too
constexpr std::size_t kLineMarkBytes = 4'096;
constexpr std::size_t kLoneRowTokensMin = 16;  // a row with that much to say is found best alone,
constexpr std::size_t kLoneRowsMax = 4'096;    // unless the document is one of data, whose vectors would take minutes
constexpr std::size_t kChunksBeforeMerge = 65'536;  // from here on headings begin no chunk: memory stays bounded

/// `text`, shortened at a character.
std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(trimmed(text.substr(0, end))) + "…";
}

/// One past the last of `marks` that ends within text[from, to); 0: there is none.
std::size_t last_mark(std::string_view text, std::size_t from, std::size_t to,
                      std::initializer_list<std::string_view> marks) {
  std::size_t best = 0;
  for (const std::string_view mark : marks) {
    if (to < mark.size()) continue;
    const std::size_t at = text.substr(0, to).rfind(mark);
    if (at != std::string_view::npos && at + mark.size() > from) best = std::max(best, at + mark.size());
  }
  return best;
}

/// With line ends as the prompt writes them.
std::string with_line_feeds(std::string_view text) {
  std::string made(text);
  if (made.find('\r') == std::string::npos) return made;
  std::size_t to = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i] == '\r' && i + 1 < made.size() && made[i + 1] == '\n') continue;
    made[to++] = made[i] == '\r' ? '\n' : made[i];
  }
  made.resize(to);
  return made;
}

/// Where a piece of `text` of at most `bytes_max` bytes ends best.
std::size_t cut_before(std::string_view text, std::size_t bytes_max, TextBlockKind kind) {
  if (text.size() <= bytes_max) return text.size();
  const std::size_t early = bytes_max / 3;
  // A blank or line end behind the last byte that fits takes no token.
  const bool blank_follows = text.substr(bytes_max, 1).find_first_of(" \t\r\n") == 0;
  const std::size_t to = bytes_max + (blank_follows ? 1 : 0);
  std::size_t at = 0;
  const auto usable = [&](std::size_t found) { return found > 0 && found <= to; };
  if (kind == TextBlockKind::kCode && usable(at = last_mark(text, early, to, {"\n\n", "\r\n\r\n", "\r\r"}))) return at;
  if (kind != TextBlockKind::kParagraph && usable(at = last_mark(text, 0, to, {"\n", "\r"}))) return at;
  if (usable(at = last_mark(text, early, to,
                            {". ", "! ", "? ", ".\n", "!\n", "?\n", ".\r", "!\r", "?\r", "。", "！", "？", "।"}))) {
    return at;
  }
  if (usable(at = last_mark(text, early, to, {"\n", "\r"}))) return at;
  if (usable(at = last_mark(text, early, to, {" ", "\t"}))) return at;
  if (usable(at = last_mark(text, early, to, {",", ";", "、", "，"}))) return at;
  return std::max<std::size_t>(bytes_max, 1);
}

/// Lines that end in text[from, to).
int line_ends_in(std::string_view text, std::size_t from, std::size_t to) {
  int ends = 0;
  for (std::size_t i = from; i < to; ++i) {
    const bool of_both = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if (text[i] == '\n' || (text[i] == '\r' && !of_both)) ++ends;
  }
  return ends;
}

}  // namespace

void Cutter::add(const TextBlock& block) {
  if (block.kind != TextBlockKind::kHeading) return add_content(block);
  if (cut_.chunks.size() < kChunksBeforeMerge) return on_heading(block);
  add_content(as_content(block, TextBlockKind::kLines));
}

/// The heading with its signs. A piece of an exact block is found by its place, so text and place begin together.
TextBlock Cutter::as_content(const TextBlock& heading, TextBlockKind kind) const {
  TextBlock content = heading;
  content.kind = kind;
  if (exact_) {
    content.text = trimmed(text_.substr(heading.begin, heading.end - heading.begin));
    content.begin = static_cast<std::size_t>(content.text.data() - text_.data());
    content.end = content.begin + content.text.size();
  }
  return content;
}

void Cutter::on_heading(const TextBlock& block) {
  if (bare_level_ > 0 && block.heading_level <= bare_level_) end_heading();
  flush();
  table_header_.clear();
  const auto level = static_cast<std::size_t>(block.heading_level - 1);
  headings_[level] = shortened(block.text, kHeadingBytesMax);
  std::fill(headings_.begin() + block.heading_level, headings_.end(), std::string());
  if (cut_.title.empty()) cut_.title = headings_[level];
  if (level == 0 && main_heading_.empty()) main_heading_ = headings_[0];
  bare_level_ = block.heading_level;
  bare_begin_ = block.begin;
  bare_end_ = block.end;
  if (block.text.size() > kHeadingBytesMax) add_content(as_content(block, TextBlockKind::kParagraph));
}

/// The last heading is followed by nothing of its own.
void Cutter::end_heading() {
  bare_level_ = 0;
  const std::string line = path();
  if (line.empty()) return;
  const std::size_t tokens = tokens_in(line);
  if (outline_tokens_ + tokens > tokens_max_) flush_outline();
  if (outline_.empty()) outline_begin_ = bare_begin_;
  outline_tokens_ += tokens;
  outline_ += (outline_.empty() ? "" : "\n") + line;
  outline_end_ = bare_end_;
}

void Cutter::flush_outline() {
  std::string_view rest = outline_;
  while (!rest.empty()) {
    const std::size_t size = cut_before(rest, bytes_within(rest, tokens_max_), TextBlockKind::kLines);
    push("", std::string(trimmed(rest.substr(0, size))), outline_begin_, outline_end_);
    rest.remove_prefix(size);
  }
  outline_.clear();
  outline_tokens_ = 0;
}

void Cutter::add_content(const TextBlock& block) {
  bare_level_ = 0;
  if (block.text.empty()) return;
  flush_outline();
  const std::size_t tokens = tokens_in(block.text);
  if (block.kind == TextBlockKind::kTableHeader) {
    table_header_ = tokens <= budget() / 2 ? std::string(block.text) : std::string();
  } else if (block.kind != TextBlockKind::kTableRow) {
    table_header_.clear();
  }
  // A chunk is its source, with what no block was made of, such as the mark of a heading without words.
  const std::size_t between =
      is_open_ && exact_ && block.begin > end_ ? tokens_in(text_.substr(end_, block.begin - end_)) : 0;
  const bool alone =
      block.kind == TextBlockKind::kTableRow && tokens >= kLoneRowTokensMin && cut_.chunks.size() < kLoneRowsMax;
  const bool begins_anew = (alone && !only_header_) || last_alone_;
  if (is_open_ && (tokens_ + between + tokens > budget() || begins_anew)) flush();
  last_alone_ = alone;
  only_header_ = !is_open_ && block.kind == TextBlockKind::kTableHeader;
  if (is_open_) {
    if (!exact_) {
      const bool tight = block.kind == last_kind_ || block.kind == TextBlockKind::kTableRow;
      joined_ += tight && block.kind != TextBlockKind::kParagraph && block.kind != TextBlockKind::kCode ? "\n" : "\n\n";
      joined_ += block.text;
    }
    tokens_ += between + tokens;
    end_ = std::max(end_, block.end);
    last_kind_ = block.kind;
    return;
  }
  const std::size_t header = block.kind == TextBlockKind::kTableRow ? tokens_in(table_header_) : 0;
  if (header + tokens > budget()) return add_in_pieces(block);
  open(block);
  if (header > 0) prefix_ = table_header_ + "\n";
  tokens_ = header + tokens;
}

void Cutter::open(const TextBlock& block) {
  is_open_ = true;
  begin_ = block.begin;
  end_ = block.end;
  last_kind_ = block.kind;
  if (!exact_) joined_ = block.text;
}

void Cutter::add_in_pieces(const TextBlock& block) {
  std::string_view rest = block.text;
  while (!rest.empty()) {
    const std::size_t size = cut_before(rest, std::max<std::size_t>(bytes_within(rest, budget()), 1), block.kind);
    const std::size_t at = static_cast<std::size_t>(rest.data() - block.text.data());
    TextBlock piece = block;
    piece.text = rest.substr(0, size);
    if (exact_) piece.begin = block.begin + at, piece.end = piece.begin + size;
    open(piece);
    tokens_ = tokens_in(piece.text);
    rest.remove_prefix(size);
    if (!rest.empty()) flush();
  }
}

void Cutter::flush() {
  if (!std::exchange(is_open_, false)) return;
  const std::string_view text =
      without_blank_lines(exact_ ? text_.substr(begin_, end_ - begin_) : std::string_view(joined_));
  if (!text.empty()) {
    if (exact_) {
      begin_ = static_cast<std::size_t>(text.data() - text_.data());
      end_ = begin_ + text.size();
    }
    push(path(), with_line_feeds(prefix_ + std::string(text)), begin_, end_);
  }
  prefix_.clear();
  joined_.clear();
}

void Cutter::push(std::string heading_path, std::string text, std::size_t begin, std::size_t end) {
  Chunk chunk;
  chunk.heading_path = heading_path.empty() ? name_ : std::move(heading_path);
  chunk.text = std::move(text);
  chunk.range.byte_begin = static_cast<std::int64_t>(begin);
  chunk.range.byte_end = static_cast<std::int64_t>(end);
  chunk.range.line_begin = line_of(begin);
  chunk.range.line_end = line_of(end > begin ? end - 1 : end) + 1;
  cut_.chunks.push_back(std::move(chunk));
}

std::string Cutter::path() const {
  std::string joined;
  for (const std::string& heading : headings_) {
    if (!heading.empty()) joined += (joined.empty() ? "" : " › ") + heading;
  }
  return joined;
}

/// Headings are embedded with the text; they may take half of a chunk's tokens from it.
std::size_t Cutter::budget() const {
  std::size_t taken = 0;
  for (const std::string& heading : headings_) taken += tokens_in(heading);
  return tokens_max_ - std::min(taken, tokens_max_ / 2);
}

int Cutter::line_of(std::size_t place) {
  while (lines_at_.size() * kLineMarkBytes <= place) {
    const std::size_t end = lines_at_.size() * kLineMarkBytes;
    lines_at_.push_back(end == 0 ? 1 : lines_at_.back() + line_ends_in(text_, end - kLineMarkBytes, end));
  }
  const std::size_t mark = place / kLineMarkBytes;
  return lines_at_[mark] + line_ends_in(text_, mark * kLineMarkBytes, place);
}

CutDocument Cutter::take() {
  flush();
  if (bare_level_ > 0) end_heading();
  flush_outline();
  // A page's lesser headings may be those of its menus; its own name is better.
  if (!name_.empty()) cut_.title = main_heading_.empty() ? name_ : main_heading_;
  return std::move(cut_);
}

}  // namespace mnema
