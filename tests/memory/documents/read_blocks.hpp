// tests/memory/documents/read_blocks.hpp
//
// What a reader makes of a text, as a list.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "memory/documents/text_block.hpp"

namespace mnema::testing {

struct ReadBlock {
  TextBlockKind kind{};
  int level = 0;
  std::string text;
  std::string source;
};

class BlockList : public TextBlockSink {
 public:
  explicit BlockList(std::string_view source) : source_(source) {}
  void add(const TextBlock& block) override {
    blocks.push_back({block.kind, block.heading_level, std::string(block.text),
                      std::string(source_.substr(std::min(block.begin, source_.size()), block.end - block.begin))});
  }
  void name(std::string_view title) override { named = title; }
  std::vector<ReadBlock> blocks;
  std::string named;

 private:
  const std::string_view source_;
};

template <class Reader>
std::vector<ReadBlock> blocks_of(std::string_view source, const Reader& read) {
  BlockList list(source);
  read(source, list);
  return std::move(list.blocks);
}

template <class Reader>
std::vector<std::string> texts_of(std::string_view source, const Reader& read) {
  std::vector<std::string> texts;
  for (const ReadBlock& block : blocks_of(source, read)) texts.push_back(block.text);
  return texts;
}

}  // namespace mnema::testing
