// memory/documents/cutter.hpp
//
// Blocks into chunks. A heading is the context of what follows it; one that nothing follows is content itself, so that
// a file of headings is found by them. A table's header stands in each chunk that has rows of it,
// and a row of some length is a chunk of its own: the vector of eight rows together is near to none of them.
//
// Threads:   confined to one.
// Ownership: borrows the text.
// Invariant: chunks are in order, and the text of each takes at most `tokens_max` tokens as tokens_in counts them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "memory/chunker.hpp"
#include "memory/documents/text_block.hpp"

namespace mnema {

class Cutter : public TextBlockSink {
 public:
  /// `exact`: the text of blocks is their source, and so is a chunk's.
  Cutter(std::string_view text, bool exact, std::size_t tokens_max)
      : text_(text), exact_(exact), tokens_max_(tokens_max < 4 ? 4 : tokens_max) {}

  void add(const TextBlock& block) override;
  void name(std::string_view title) override { name_ = title; }

  /// All of it. Places are those in the text.
  [[nodiscard]] CutDocument take();

 private:
  void on_heading(const TextBlock& block);
  [[nodiscard]] TextBlock as_content(const TextBlock& heading, TextBlockKind kind) const;
  void add_content(const TextBlock& block);
  void add_in_pieces(const TextBlock& block);
  void open(const TextBlock& block);
  void flush();
  void flush_outline();
  void end_heading();
  void push(std::string heading_path, std::string text, std::size_t begin, std::size_t end);
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::size_t budget() const;
  int line_of(std::size_t place);

  const std::string_view text_;
  const bool exact_;
  const std::size_t tokens_max_;
  CutDocument cut_;
  std::string name_;
  std::string main_heading_;  // the first of level 1
  std::array<std::string, 6> headings_;
  // the last heading, while nothing follows it
  int bare_level_ = 0;
  std::size_t bare_begin_ = 0;
  std::size_t bare_end_ = 0;
  // headings that nothing followed, a line each
  std::string outline_;
  std::size_t outline_tokens_ = 0;
  std::size_t outline_begin_ = 0;
  std::size_t outline_end_ = 0;
  std::string table_header_;  // of the table that goes on; empty: none does, or it is too long to be repeated
  // the open chunk
  bool is_open_ = false;
  std::string prefix_;
  std::string joined_;  // unless exact
  std::size_t tokens_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  TextBlockKind last_kind_ = TextBlockKind::kParagraph;
  bool last_alone_ = false;    // the last block was a row that stands alone
  bool only_header_ = false;   // the open chunk is a table's header
  std::vector<int> lines_at_;  // every 4 KiB of the text, as far as was asked for
};

}  // namespace mnema
