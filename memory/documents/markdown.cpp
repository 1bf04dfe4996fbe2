#include "memory/documents/markdown.hpp"

#include <cmark-gfm/node.h>
#include <cmark-gfm/parser.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "memory/documents/line_ends.hpp"

namespace mnema {
namespace {

constexpr std::size_t kNestingColumnsMax = 96;  // a container's sign further right is text
constexpr std::size_t kFrontMatterLinesMax = 200;
constexpr std::size_t kHeadingBytesMax = 512;  // a longer one is a paragraph

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// The line with what makes the parser's work grow with the square of the text replaced, byte for byte, by letters.
void keep_shallow(std::string& line) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool before_blank = i + 1 >= line.size() || is_blank(line[i + 1]) || line[i + 1] == '\n';
    const bool sign = c == '>' || ((c == '-' || c == '+' || c == '*') && before_blank) ||
                      ((c == '.' || c == ')') && i > 0 && line[i - 1] >= '0' && line[i - 1] <= '9' && before_blank);
    const bool digit = c >= '0' && c <= '9';
    if (!is_blank(c) && !sign && !digit) {
      if (c == '[') line[i] = 'x';  // it would begin the definition of a reference
      return;
    }
    if (sign && column > kNestingColumnsMax) line[i] = 'x';
    column += c == '\t' ? 4 : 1;
  }
}

/// Columns of a row of a table: its parts between bars.
int columns_of(std::string_view row) {
  row = trimmed(row);
  if (row.starts_with('|')) row.remove_prefix(1);
  if (row.ends_with('|') && !row.ends_with("\\|")) row.remove_suffix(1);
  int columns = 1;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] == '\\')
      ++i;
    else if (row[i] == '|')
      ++columns;
  }
  return columns;
}

/// "| :-- | --- |"
bool is_delimiter_row(std::string_view row) {
  row = trimmed(row);
  if (row.find('-') == std::string_view::npos) return false;
  if (row.find_first_of("|:") == std::string_view::npos) return false;
  bool dash_seen = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] == '-')
      dash_seen = true;
    else if (row[i] == '|')
      dash_seen = false;
    else if (row[i] != ':' && !is_blank(row[i]))
      return false;
    else if (row[i] == ':' && dash_seen && i + 1 < row.size() && row[i + 1] == '-')
      return false;
  }
  return true;
}

class Reader {
 public:
  Reader(std::string_view text, TextBlockSink& sink)
      : text_(text), sink_(sink), parser_(cmark_parser_new(CMARK_OPT_DEFAULT), cmark_parser_free) {}

  void run() {
    const std::size_t body = front_matter_end();
    if (body > 0) emit(0, body, TextBlockKind::kLines);
    done_ = body;
    std::string line;
    int blank_lines = 0;
    for (std::size_t at = body; at < text_.size();) {
      const std::size_t next = next_line(text_, at);
      // A third empty line says nothing that two did not, but would be looked at by every open container.
      const bool blank_line = trimmed(text_.substr(at, next - at)).empty();
      blank_lines = blank_line ? blank_lines + 1 : 0;
      if (blank_lines > 2) {
        at = next;
        continue;
      }
      line_begins_.push_back(at);
      line.assign(text_.substr(at, next - at));
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
      line += '\n';
      keep_shallow(line);
      cmark_parser_feed(parser_.get(), line.data(), line.size());
      fed_ = next;
      take_finished();
      at = next;
    }
    line_begins_.push_back(text_.size());
    take(*parser_->root, true);
    gap(text_.size());
  }

 private:
  /// Takes what is finished: everything before the last child of each open container.
  void take_finished() {
    cmark_node* open = parser_->root;
    while (open != nullptr) {
      cmark_node* child = open->first_child;
      while (child != nullptr && child != open->last_child) {
        cmark_node* next = child->next;
        take(*child, false);
        cmark_node_unlink(child);
        cmark_node_free(child);
        child = next;
      }
      open = open->last_child;
    }
    // The lines of what is open: all that is still asked for.
    const std::size_t known = line_begins_.size();
    if (known > 2 * kept_ + 1'024) forget_lines();
  }

  /// Emits the leaves of a finished block. `at_end`: the text has ended, whatever is open ends with it.
  void take(const cmark_node& node, bool at_end) {
    if (node.type == CMARK_NODE_DOCUMENT || node.type == CMARK_NODE_BLOCK_QUOTE || node.type == CMARK_NODE_LIST ||
        node.type == CMARK_NODE_ITEM) {
      for (const cmark_node* child = node.first_child; child != nullptr; child = child->next) take(*child, at_end);
      return;
    }
    const bool open = at_end && (node.flags & CMARK_NODE__OPEN) != 0;
    const std::size_t begin = std::max(done_, line_begin(node.start_line));
    // The parser counts the line that ended a fence or a heading in, even where a new block begins on it.
    const bool begun_anew =
        node.end_line == parser_->line_number && parser_->current->start_line == parser_->line_number;
    const int last = std::max(begun_anew ? node.end_line - 1 : node.end_line, node.start_line);
    const std::size_t end = open ? text_.size() : line_begin(last + 1);
    if (end <= begin) return;
    gap(begin);
    done_ = end;
    const bool top = node.parent != nullptr && node.parent->type == CMARK_NODE_DOCUMENT;
    const bool quoted = node.parent != nullptr && !top;
    switch (node.type) {
      case CMARK_NODE_HEADING:
        // A heading in a quote or a list is part of that, not of the document's outline.
        if (top) return heading(node, begin, end);
        return emit(begin, end, TextBlockKind::kLines);
      case CMARK_NODE_CODE_BLOCK:
        return emit(begin, end, TextBlockKind::kCode);
      case CMARK_NODE_PARAGRAPH:
        return paragraph(begin, end, quoted);
      default:
        return emit(begin, end, TextBlockKind::kLines);
    }
  }

  void heading(const cmark_node& node, std::size_t begin, std::size_t end) {
    std::string_view source = trimmed(text_.substr(begin, end - begin));
    if (node.as.heading.setext) {
      const std::size_t underline = source.find_last_of("\r\n");
      source = trimmed(source.substr(0, underline == std::string_view::npos ? 0 : underline));
    } else {
      source.remove_prefix(std::min(source.find_first_not_of('#'), source.size()));
      source = trimmed(source);
      // Signs at the end close the heading only behind a blank: "C#" keeps its own.
      const std::size_t last = source.find_last_not_of('#');
      if (last == std::string_view::npos)
        source = {};
      else if (last + 1 < source.size() && is_blank(source[last]))
        source = trimmed(source.substr(0, last));
    }
    if (source.size() > kHeadingBytesMax) return emit(begin, end, TextBlockKind::kParagraph);
    const std::string title = plain_inlines(source);
    if (!title.empty()) sink_.add({TextBlockKind::kHeading, node.as.heading.level, title, begin, end});
  }

  void paragraph(std::size_t begin, std::size_t end, bool in_container) {
    const std::size_t header_end = next_line(text_, begin);
    std::size_t row = begin;  // the line before is the header once this one is a delimiter
    std::size_t at = header_end;
    for (int looked = 0; at < end && looked < 8; ++looked) {
      const std::size_t next = std::min(next_line(text_, at), end);
      const std::string_view delimiter = text_.substr(at, next - at);
      if (is_delimiter_row(delimiter) && columns_of(delimiter) == columns_of(text_.substr(row, at - row))) {
        if (row > begin) emit(begin, row, TextBlockKind::kParagraph);
        emit(row, next, TextBlockKind::kTableHeader);
        return rows(next, end);
      }
      row = at;
      at = next;
    }
    const std::string_view text = text_.substr(begin, end - begin);
    const bool lines =
        in_container || std::count(text.begin(), text.end(), '|') > 1 || text.find('\t') != std::string_view::npos;
    emit(begin, end, lines ? TextBlockKind::kLines : TextBlockKind::kParagraph);
  }

  void rows(std::size_t at, std::size_t end) {
    while (at < end) {
      const std::size_t next = std::min(next_line(text_, at), end);
      emit(at, next, TextBlockKind::kTableRow);
      at = next;
    }
  }

  /// What lies between blocks and is none, such as the definition of a reference.
  void gap(std::size_t end) {
    if (end > done_) emit(std::exchange(done_, end), end, TextBlockKind::kLines);
  }

  void emit(std::size_t begin, std::size_t end, TextBlockKind kind) {
    const std::string_view block = without_blank_lines(text_.substr(begin, end - begin));
    if (block.empty()) return;
    const std::size_t at = static_cast<std::size_t>(block.data() - text_.data());
    sink_.add({kind, 0, block, at, at + block.size()});
  }

  std::size_t front_matter_end() const {
    const std::size_t first = next_line(text_, 0);
    if (text_.substr(0, 3) != "---" || trimmed(text_.substr(0, first)) != "---") return 0;
    std::size_t at = first;
    for (std::size_t lines = 0; at < text_.size() && lines < kFrontMatterLinesMax; ++lines) {
      const std::size_t next = next_line(text_, at);
      const std::string_view line = trimmed(text_.substr(at, next - at));
      if (line.empty() && lines == 0) return 0;  // a rule, not metadata
      if (line == "---" || line == "...") return next;
      at = next;
    }
    return 0;
  }

  /// Where a line of the parser's, counted from 1, begins.
  std::size_t line_begin(int line) const {
    const std::size_t index = static_cast<std::size_t>(std::max(line, 1) - 1);
    if (index < forgotten_) return line_begins_.empty() ? 0 : line_begins_.front();
    return index - forgotten_ < line_begins_.size() ? line_begins_[index - forgotten_] : next_begin();
  }
  /// Of the line after the last one fed.
  std::size_t next_begin() const { return line_begins_.empty() ? 0 : fed_; }

  /// Keeps the places of lines from the first that an open block begins in.
  void forget_lines() {
    int first = parser_->line_number;
    for (const cmark_node* open = parser_->root->last_child; open != nullptr; open = open->last_child) {
      if (open->last_child == nullptr) first = std::min(first, open->start_line);
    }
    const std::size_t keep_from = static_cast<std::size_t>(std::max(first - 1, 0));
    if (keep_from > forgotten_) {
      line_begins_.erase(line_begins_.begin(), line_begins_.begin() + static_cast<long>(keep_from - forgotten_));
      forgotten_ = keep_from;
    }
    kept_ = line_begins_.size();
  }

  const std::string_view text_;
  TextBlockSink& sink_;
  const std::unique_ptr<cmark_parser, void (*)(cmark_parser*)> parser_;
  std::vector<std::size_t> line_begins_;  // of the parser's lines from `forgotten_` on
  std::size_t forgotten_ = 0;
  std::size_t kept_ = 0;
  std::size_t fed_ = 0;   // what the parser has seen ends here
  std::size_t done_ = 0;  // everything before this place has been emitted
};

}  // namespace

void read_markdown(std::string_view text, TextBlockSink& sink) { Reader(text, sink).run(); }

std::string plain_inlines(std::string_view source) {
  constexpr std::string_view kSigns = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  const auto is_word = [&](std::size_t i) {
    return i < source.size() && kSigns.find(source[i]) == std::string_view::npos && !is_blank(source[i]);
  };
  std::string plain;
  std::size_t code = 0;  // ticks that close the open code
  for (std::size_t i = 0; i < source.size(); ++i) {
    const char c = source[i];
    if (c == '`') {
      std::size_t ticks = 1;
      while (i + ticks < source.size() && source[i + ticks] == '`') ++ticks;
      if (code == 0 && source.find(std::string(ticks, '`'), i + ticks) != std::string_view::npos)
        code = ticks;
      else if (code == ticks)
        code = 0;
      else
        plain.append(ticks, '`');
      i += ticks - 1;
    } else if (code > 0) {
      plain += c;
    } else if (c == '\\' && i + 1 < source.size() && kSigns.find(source[i + 1]) != std::string_view::npos) {
      plain += source[++i];
    } else if (c == ']' && i + 1 < source.size() && (source[i + 1] == '(' || source[i + 1] == '[')) {
      const std::size_t close = source.find(source[i + 1] == '(' ? ')' : ']', i + 2);
      if (close == std::string_view::npos)
        plain += c;
      else
        i = close;
    } else if (c == '[' || (c == '!' && i + 1 < source.size() && source[i + 1] == '[')) {
      // A link or image keeps its words only; a bracket that is none stays.
      const std::size_t close = source.find(']', i);
      const bool link = close != std::string_view::npos && close + 1 < source.size() &&
                        (source[close + 1] == '(' || source[close + 1] == '[');
      if (!link)
        plain += c;
      else if (c == '!')
        ++i;
    } else if (c == '*' || (c == '~' && i + 1 < source.size() && source[i + 1] == '~')) {
      const bool alone = (i == 0 || is_blank(source[i - 1])) && (i + 1 == source.size() || is_blank(source[i + 1]));
      if (alone) plain += c;
      if (c == '~') ++i;
    } else if (c == '_') {
      if (is_word(i - 1) && is_word(i + 1)) plain += c;  // snake_case
    } else if (c == '\n' || c == '\r' || c == '\t') {
      if (!plain.ends_with(' ')) plain += ' ';
    } else {
      plain += c;
    }
  }
  return std::string(trimmed(plain));
}

}  // namespace mnema
