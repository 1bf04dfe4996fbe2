#include "inference/grammar/vocabulary_trie.hpp"

#include <algorithm>
#include <numeric>

namespace mnema::grammar {
namespace {

/// Deeper tokens (a few runs of blanks or dashes) are not offered by the mask: the stack of a walk stays small.
constexpr std::size_t kTokenBytesMax = 512;

}  // namespace

VocabularyTrie::VocabularyTrie(const Tokenizer& tokenizer) : end_of_generation_(tokenizer.end_of_generation()) {
  const int vocabulary = tokenizer.vocabulary_size();
  bytes_begin_.reserve(static_cast<std::size_t>(vocabulary) + 1);
  bytes_begin_.push_back(0);
  for (TokenId token = 0; token < vocabulary; ++token) {
    if (!tokenizer.is_control(token)) {
      const Result<std::string> text = tokenizer.decode_token(token, false);
      if (text.ok() && text->size() <= kTokenBytesMax) bytes_ += *text;
    }
    bytes_begin_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  std::vector<TokenId> order(static_cast<std::size_t>(vocabulary));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [this](TokenId a, TokenId b) {
    const auto x = bytes_of(a), y = bytes_of(b);
    return x != y ? x < y : a < b;
  });

  // Sorted strings are a preorder walk: each one leaves the path of the last at their common prefix.
  std::vector<std::uint32_t> path;
  const auto close_to = [&](std::size_t depth) {
    while (path.size() > depth) {
      nodes_[path.back()].next = static_cast<std::uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  std::string_view last;
  for (const TokenId token : order) {
    const std::string_view text = bytes_of(token);
    if (text.empty()) continue;
    const auto common = static_cast<std::size_t>(
        std::mismatch(last.begin(), last.end(), text.begin(), text.end()).first - last.begin());
    close_to(common);
    for (std::size_t i = common; i < text.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes_.size()));
      const auto at = static_cast<std::uint32_t>(tokens_.size());
      nodes_.push_back({static_cast<std::uint8_t>(text[i]), static_cast<std::uint16_t>(i + 1), 0, at, at});
    }
    tokens_.push_back(token);
    nodes_[path.back()].tokens_end = static_cast<std::uint32_t>(tokens_.size());
    depth_max_ = std::max(depth_max_, static_cast<int>(text.size()));
    last = text;
  }
  close_to(0);
}

std::string_view VocabularyTrie::bytes_of(TokenId token) const {
  const std::uint32_t begin = bytes_begin_[static_cast<std::size_t>(token)];
  return std::string_view(bytes_).substr(begin, bytes_begin_[static_cast<std::size_t>(token) + 1] - begin);
}

}  // namespace mnema::grammar
