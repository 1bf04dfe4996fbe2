#include "memory/documents/html.hpp"

#include <gumbo.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "memory/documents/html_reduce.hpp"
#include "memory/documents/line_ends.hpp"

namespace mnema {
namespace {

constexpr std::size_t kTitleBytesMax = 1'024;
constexpr std::size_t kCellBytesMax = 2'000;  // a longer one holds a text, not a value

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

/// The parser's memory, freed as a whole: its tree has as many parts as a page has tags.
class Arena {
 public:
  static void* allocate(void* arena, std::size_t bytes) { return static_cast<Arena*>(arena)->take(bytes); }
  static void keep(void*, void*) {}

 private:
  void* take(std::size_t bytes) {
    bytes = (bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
    if (bytes > left_) {
      const std::size_t size = std::max<std::size_t>(bytes, 256 << 10);
      blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(size));
      if (size - bytes < left_) return blocks_.back().get();  // what is left of the block before is more
      next_ = blocks_.back().get();
      left_ = size;
    }
    std::byte* const taken = next_;
    next_ += bytes;
    left_ -= bytes;
    return taken;
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

const GumboVector& children_of(const GumboNode& node) {
  return node.type == GUMBO_NODE_DOCUMENT ? node.v.document.children : node.v.element.children;
}
const GumboNode& child_of(const GumboVector& children, unsigned i) {
  return *static_cast<const GumboNode*>(children.data[i]);
}
bool is_text(const GumboNode& node) {
  return node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE || node.type == GUMBO_NODE_CDATA;
}
bool is_element(const GumboNode& node) { return node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE; }
GumboTag tag_of(const GumboNode& node) { return is_element(node) ? node.v.element.tag : GUMBO_TAG_UNKNOWN; }

int heading_level(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? 1 + static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) : 0;
}

/// A table that is laid out rather than read by row: it has headings, tables, or long texts in its cells.
bool is_layout(const GumboNode& node, std::size_t& cell_bytes) {
  const GumboVector& children = children_of(node);
  for (unsigned i = 0; i < children.length; ++i) {
    const GumboNode& child = child_of(children, i);
    if (is_text(child)) {
      cell_bytes += child.v.text.original_text.length;
      if (cell_bytes > kCellBytesMax) return true;
      continue;
    }
    if (!is_element(child)) continue;
    const GumboTag tag = tag_of(child);
    if (tag == GUMBO_TAG_TABLE || tag == GUMBO_TAG_PRE || heading_level(tag) > 0) return true;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) cell_bytes = 0;
    if (is_layout(child, cell_bytes)) return true;
  }
  return false;
}

class Reader {
 public:
  Reader(const HtmlPiece& piece, TextBlockSink& sink) : piece_(piece), sink_(sink) {}

  struct Context {
    int heading = 0;
    bool preformatted = false;
    TextBlockKind kind = TextBlockKind::kParagraph;
  };

  void walk(const GumboNode& node, Context context) {
    if (is_text(node)) return add(node.v.text, context);
    if (!is_element(node) && node.type != GUMBO_NODE_DOCUMENT) return;
    const GumboTag tag = tag_of(node);
    if (tag == GUMBO_TAG_BR) return line_end();
    if (tag == GUMBO_TAG_TABLE) {
      flush();
      std::size_t cell_bytes = 0;
      if (context.heading == 0 && !is_layout(node, cell_bytes)) return table(node);
    }
    flush();
    if (const int level = heading_level(tag)) context.heading = level;
    if (tag == GUMBO_TAG_LI) context.kind = TextBlockKind::kLines;
    if (tag == GUMBO_TAG_PRE) context.preformatted = true;
    const GumboVector& children = children_of(node);
    for (unsigned i = 0; i < children.length; ++i) walk(child_of(children, i), context);
    flush();
  }

 private:
  void table(const GumboNode& node) {
    const bool continued = node.v.element.attributes.length > 0;
    bool first = !continued;
    rows(node, first);
  }

  void rows(const GumboNode& node, bool& first) {
    const GumboVector& children = children_of(node);
    for (unsigned i = 0; i < children.length; ++i) {
      const GumboNode& child = child_of(children, i);
      if (tag_of(child) == GUMBO_TAG_TR) {
        row(child, first);
      } else if (tag_of(child) == GUMBO_TAG_CAPTION) {
        cell(child);
        flush();
      } else if (is_element(child)) {
        rows(child, first);
      }
    }
  }

  void row(const GumboNode& node, bool& first) {
    const GumboVector& children = children_of(node);
    bool one_before = false;
    for (unsigned i = 0; i < children.length; ++i) {
      const GumboNode& child = child_of(children, i);
      const GumboTag tag = tag_of(child);
      if (tag != GUMBO_TAG_TD && tag != GUMBO_TAG_TH) continue;
      if (one_before) bar();
      one_before = true;
      cell(child);
    }
    if (open_.find_first_not_of(" |") == std::string::npos) open_.clear();
    if (open_.empty()) return;
    context_.kind = first ? TextBlockKind::kTableHeader : TextBlockKind::kTableRow;
    first = false;
    flush();
  }

  /// A cell's words in one line, whatever it is made of.
  void cell(const GumboNode& node) {
    const GumboVector& children = children_of(node);
    for (unsigned i = 0; i < children.length; ++i) {
      const GumboNode& child = child_of(children, i);
      if (is_text(child)) {
        add(child.v.text, {});
      } else if (is_element(child)) {
        blank();
        cell(child);
        blank();
      }
    }
  }

  void blank() {
    if (!open_.empty() && open_.back() != ' ') open_ += ' ';
  }
  void bar() {
    while (open_.ends_with(' ')) open_.pop_back();
    open_ += open_.empty() ? "| " : " | ";
  }
  void line_end() {
    if (open_.empty()) return;
    while (open_.ends_with(' ')) open_.pop_back();
    open_ += '\n';
  }

  void add(const GumboText& text, const Context& context) {
    const std::string_view written(text.original_text.data, text.original_text.length);
    const std::size_t first = std::min(written.find_first_not_of(" \n\t\r\f"), written.size());
    const bool had_none = open_.empty();
    if (context.preformatted) {
      open_ += text.text;
    } else {
      for (const char* c = text.text; *c != 0; ++c) {
        if (!is_blank(*c))
          open_ += *c;
        else if (!open_.empty() && open_.back() != ' ' && open_.back() != '\n')
          open_ += ' ';
      }
    }
    if (first == written.size()) return;
    const std::size_t at = text.start_pos.offset;
    if (had_none || begin_ == kNowhere) {
      begin_ = piece_.source_of(at + first);
      context_ = context;
    }
    const std::size_t last = written.find_last_not_of(" \n\t\r\f");
    end_ = std::max(begin_, piece_.source_behind(at + last));
  }

  void flush() {
    const std::string_view text = context_.preformatted ? without_blank_lines(open_) : trimmed(open_);
    if (!text.empty() && begin_ != kNowhere) {
      const TextBlockKind kind = context_.heading > 0    ? TextBlockKind::kHeading
                                 : context_.preformatted ? TextBlockKind::kCode
                                                         : context_.kind;
      sink_.add({kind, context_.heading, text, begin_, end_});
    }
    open_.clear();
    begin_ = kNowhere;
    context_ = {};
  }

  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  const HtmlPiece& piece_;
  TextBlockSink& sink_;
  std::string open_;
  Context context_;
  std::size_t begin_ = kNowhere;
  std::size_t end_ = 0;
};

void read_piece(const HtmlPiece& piece, TextBlockSink& sink) {
  Arena arena;
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = Arena::allocate;
  options.deallocator = Arena::keep;
  options.userdata = &arena;
  options.max_errors = 0;
  const GumboOutput* parsed = gumbo_parse_with_options(&options, piece.page.data(), piece.page.size());
  Reader(piece, sink).walk(*parsed->document, {});
}

/// Takes the text of all blocks as one line.
class TitleText : public TextBlockSink {
 public:
  void add(const TextBlock& block) override { (title += title.empty() ? "" : " ") += block.text; }
  std::string title;
};

}  // namespace

void read_html(std::string_view html, TextBlockSink& sink) {
  HtmlReducer reducer(html);
  HtmlPiece piece;
  bool named = false;
  while (reducer.next(piece)) {
    if (!named && !reducer.title().empty()) {
      named = true;
      TitleText title;
      HtmlPiece line;
      for (const char c : reducer.title().substr(0, kTitleBytesMax)) {
        if (c == '<')
          line.page += "&lt;";
        else
          line.page += c;
      }
      read_piece(line, title);
      std::replace_if(title.title.begin(), title.title.end(), is_blank, ' ');
      sink.name(title.title);
    }
    read_piece(piece, sink);
  }
}

}  // namespace mnema
