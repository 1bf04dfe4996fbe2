#include "agents/turn/passage_units.hpp"

#include <algorithm>
#include <utility>

#include "agents/turn/sentences.hpp"

namespace mnema {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::size_t kHeadBytesMax = 60;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }

/// Without the signs that only emphasize.
std::string plain(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "**") {
      ++i;
    } else {
      made += text[i];
    }
  }
  return made;
}

std::vector<std::string> cells_of(std::string_view row) {
  row = trimmed(row);
  if (row.starts_with('|')) row.remove_prefix(1);
  if (row.ends_with('|') && !row.ends_with("\\|")) row.remove_suffix(1);
  std::vector<std::string> cells{""};
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] == '\\' && i + 1 < row.size() && row[i + 1] == '|') {
      cells.back() += row[++i];
    } else if (row[i] == '|') {
      cells.emplace_back();
    } else {
      cells.back() += row[i];
    }
  }
  for (std::string& cell : cells) cell = plain(trimmed(cell));
  return cells;
}

bool is_delimiter_row(std::string_view line) {
  line = trimmed(line);
  return line.find('|') != std::string_view::npos && line.find("--") != std::string_view::npos &&
         line.find_first_not_of("|-: \t") == std::string_view::npos;
}

/// What opens a list item, in bytes: "- ", "12. "; 0: nothing does.
std::size_t item_mark(std::string_view line) {
  if (line.size() > 1 && std::string_view("-*+").find(line[0]) != std::string_view::npos && line[1] == ' ') return 2;
  std::size_t at = 0;
  while (at < line.size() && at < 3 && line[at] >= '0' && line[at] <= '9') ++at;
  const bool is_number = at > 0 && at + 1 < line.size() && (line[at] == '.' || line[at] == ')') && line[at + 1] == ' ';
  return is_number ? at + 2 : 0;
}

/// The words before a colon or a wide gap, if they are few.
std::string head_of(std::string_view text) {
  const std::size_t end = std::min({text.find(": "), text.find(" = "), text.find("  ")});
  if (end == std::string_view::npos || end == 0 || end > kHeadBytesMax) return {};
  return std::string(trimmed(text.substr(0, end)));
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      lines_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }

  std::vector<PassageUnit> run() {
    while (at_ < lines_.size()) {
      const std::string_view line = trimmed(lines_[at_]);
      if (line.empty() || is_delimiter_row(line)) {
        ++at_;
      } else if (line.starts_with("```") || line.starts_with("~~~")) {
        read_fence(line.substr(0, 3));
      } else if (at_ + 1 < lines_.size() && is_delimiter_row(lines_[at_ + 1])) {
        read_table();
      } else if (line.starts_with('|')) {
        add(PassageUnit::Kind::kRow, joined_cells({}, cells_of(line)), cells_of(line).front());
        ++at_;
      } else if (item_mark(line) > 0) {
        read_item();
      } else if (indent_of(lines_[at_]) >= 4) {
        read_line();
      } else {
        read_paragraph();
      }
    }
    return std::move(units_);
  }

 private:
  void add(PassageUnit::Kind kind, std::string_view text, std::string head) {
    text = trimmed(text);
    if (!text.empty()) units_.push_back({kind, std::string(text), std::move(head)});
  }

  void read_fence(std::string_view fence) {
    for (++at_; at_ < lines_.size() && !trimmed(lines_[at_]).starts_with(fence);) {
      if (trimmed(lines_[at_]).empty())
        ++at_;
      else
        read_line();
    }
    ++at_;
  }

  /// A line of code or settings, with the deeper ones that go on behind it.
  void read_line() {
    const std::size_t indent = indent_of(lines_[at_]);
    std::string text(trimmed(lines_[at_]));
    const std::string head = head_of(text);
    for (++at_; at_ < lines_.size(); ++at_) {
      const std::string_view next = trimmed(lines_[at_]);
      if (next.empty() || next.starts_with("```") || next.starts_with("~~~")) break;
      if (indent_of(lines_[at_]) < indent + 8) break;  // a second column goes on, not a block
      text += " " + std::string(next);
    }
    add(PassageUnit::Kind::kLine, text, head);
  }

  static std::string joined_cells(const std::vector<std::string>& names, const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      if (i > 0) text += i == 1 ? ": " : "; ";
      if (i > 0 && i < names.size() && !names[i].empty()) text += names[i] + ": ";
      text += cells[i];
    }
    return text;
  }

  void read_table() {
    const std::vector<std::string> names = cells_of(lines_[at_]);
    for (at_ += 2; at_ < lines_.size(); ++at_) {
      const std::string_view line = trimmed(lines_[at_]);
      if (line.empty() || line.find('|') == std::string_view::npos) return;
      const std::vector<std::string> cells = cells_of(line);
      add(PassageUnit::Kind::kRow, joined_cells(names, cells), cells.front());
    }
  }

  void read_item() {
    std::string text(trimmed(lines_[at_]));
    text.erase(0, item_mark(text));
    const std::size_t indent = indent_of(lines_[at_]);
    for (++at_; at_ < lines_.size(); ++at_) {
      const std::string_view next = trimmed(lines_[at_]);
      if (next.empty() || item_mark(next) > 0 || next.starts_with('|') || next.starts_with("```")) break;
      if (indent_of(lines_[at_]) < indent) break;
      text += " " + std::string(next);
    }
    const std::string words = plain(text);
    add(PassageUnit::Kind::kItem, words, head_of(words));
  }

  void read_paragraph() {
    std::string text;
    for (; at_ < lines_.size(); ++at_) {
      const std::string_view line = trimmed(lines_[at_]);
      if (line.empty() || line.starts_with('|') || line.starts_with("```") || line.starts_with("~~~")) break;
      if (!text.empty() && item_mark(line) > 0) break;
      text += (text.empty() ? "" : " ") + std::string(line);
    }
    const std::string words = plain(text);
    std::string_view rest = words;
    while (const std::size_t length = first_sentence(rest, true)) {
      add(PassageUnit::Kind::kSentence, rest.substr(0, length), head_of(rest.substr(0, length)));
      rest.remove_prefix(length);
    }
  }

  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
  std::vector<PassageUnit> units_;
};

}  // namespace

std::vector<PassageUnit> passage_units(std::string_view text) { return Reader(text).run(); }

}  // namespace mnema
