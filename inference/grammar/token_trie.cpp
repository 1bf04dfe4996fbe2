#include "inference/grammar/token_trie.hpp"

#include <algorithm>

namespace mnema::grammar {

TokenTrie::TokenTrie(std::vector<std::pair<std::string_view, TokenId>> tokens) {
  std::sort(tokens.begin(), tokens.end());
  // Sorted strings are a preorder walk: each one leaves the path of the last at their common prefix.
  std::vector<std::uint32_t> path;
  const auto close_to = [&](std::size_t depth) {
    while (path.size() > depth) {
      nodes_[path.back()].next = static_cast<std::uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  std::string_view last;
  for (const auto& [text, token] : tokens) {
    if (text.empty()) continue;
    const auto common = static_cast<std::size_t>(
        std::mismatch(last.begin(), last.end(), text.begin(), text.end()).first - last.begin());
    close_to(common);
    for (std::size_t i = common; i < text.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      const auto at = static_cast<std::uint32_t>(tokens_.size());
      nodes_.push_back({static_cast<std::uint8_t>(text[i]), 0, static_cast<std::uint16_t>(i + 1), 0, at, at});
    }
    tokens_.push_back(token);
    nodes_[path.back()].tokens_end = static_cast<std::uint32_t>(tokens_.size());
    depth_max_ = std::max(depth_max_, static_cast<int>(text.size()));
    last = text;
  }
  close_to(0);
  mark_commas();
}

void TokenTrie::mark_commas() {
  // Backwards in preorder: a node comes after all of its subtree.
  std::vector<std::uint8_t> children(static_cast<std::size_t>(depth_max_) + 2);  // by their depth
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    std::uint8_t& below = children[node->depth + 1U];
    node->commas = below;
    if (node->byte == ',') node->commas |= kComma;
    if (node->byte == '"' && (below & kComma) != 0) node->commas |= kQuoteThenComma;
    if ((node->byte == '[' || node->byte == '{') && (below & kComma) != 0) node->commas |= kBracketThenComma;
    below = 0;
    children[node->depth] |= node->commas;
  }
}

}  // namespace mnema::grammar
