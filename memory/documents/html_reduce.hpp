// memory/documents/html_reduce.hpp
//
// What stands between a page from outside and the HTML parser: the page reduced to its text and the few tags that make
// paragraphs, headings, tables and preformatted text of it. Scripts, styles, navigation, comments, attributes and
// inline elements go; what is left is balanced, at most 100 deep, and comes in pieces of bounded size, so that the
// parser's time is linear and its memory bounded whatever the page is.
//
// Threads:    confined to one.
// Ownership:  borrows the page.
// Invariant:  marks rise in both places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mnema {

/// A part of a reduced page. A `<table c>` goes on from the piece before.
struct HtmlPiece {
  /// From here on, up to the next mark, the piece is the source shifted.
  struct Mark {
    std::uint32_t piece = 0;
    std::uint32_t source = 0;
  };
  std::string page;
  std::vector<Mark> marks;

  /// Where in the source the piece's byte `at` is from.
  [[nodiscard]] std::size_t source_of(std::size_t at) const { return place_of(at, 0); }
  /// One past it.
  [[nodiscard]] std::size_t source_behind(std::size_t at) const { return place_of(at, 1); }

 private:
  [[nodiscard]] std::size_t place_of(std::size_t at, std::size_t behind) const;
};

class HtmlReducer {
 public:
  explicit HtmlReducer(std::string_view html) : html_(html), xml_(html.starts_with("<?xml")) {}

  /// The next piece. False: there is no more.
  [[nodiscard]] bool next(HtmlPiece& piece);
  /// The content of the first `<title>`, as it is written; empty before it was met.
  [[nodiscard]] std::string_view title() const { return title_; }

 private:
  struct Open {
    std::string name;       // as the page writes it, in small letters
    const char* as;         // as the piece writes it; null: not at all
    bool hidden = false;    // it or one around it
    bool foreign = false;   // inside svg or math
    bool cell = false;      // of a table: a cell is open
    int over = 0;           // start tags in it that were left out for being too deep
    std::size_t begin = 0;  // of its tag in the piece
  };
  struct Tag {
    std::string name;
    bool end = false;
    bool self_closing = false;
    std::size_t begin = 0;
    std::size_t after = 0;  // one past it
  };

  bool read_tag(std::size_t at, Tag& tag);
  void on_start(const Tag& tag);
  void on_image(const Tag& tag);
  void on_end(const Tag& tag);
  void on_table_part(const std::string& name);
  std::size_t skip_declaration(std::size_t at) const;
  std::size_t raw_end(std::size_t at, std::string_view name) const;
  std::size_t script_end(std::size_t at) const;

  bool hidden() const { return !open_.empty() && open_.back().hidden; }
  bool foreign() const { return !open_.empty() && open_.back().foreign; }
  void push(const std::string& name, const char* as, bool hidden, bool foreign);
  void pop();
  void pop_to(std::size_t size);
  void into_cell();
  void text(std::size_t begin, std::size_t end);
  void tag(std::string_view written);
  void separate() { tag("<hr>"); }
  void mark(std::size_t source);

  const std::string_view html_;
  const bool xml_;  // "<div/>" has ended
  std::size_t at_ = 0;
  std::string_view title_;
  std::vector<Open> open_;
  int tags_ = 0;  // in the piece
  bool paragraph_ = false;
  std::size_t tag_begin_ = std::string::npos;  // of what the piece ends with, if that is a tag
  HtmlPiece* piece_ = nullptr;                 // during `next`
};

}  // namespace mnema
