#include "inference/tokenizer/special_tokens.hpp"

#include <algorithm>
#include <functional>

namespace mnema {
namespace {

bool is_control(TokenKind kind) { return kind == TokenKind::kControl || kind == TokenKind::kUnknown; }

void longest_first_and_once(std::vector<std::size_t>& lengths) {
  std::sort(lengths.begin(), lengths.end(), std::greater<>());
  lengths.erase(std::unique(lengths.begin(), lengths.end()), lengths.end());
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenKind kind = vocabulary.kind(id);
    const std::string_view text = vocabulary.text(id);
    if (text.empty() || (!is_control(kind) && kind != TokenKind::kUserDefined)) continue;
    const auto first = static_cast<unsigned char>(text[0]);
    all_[first].push_back(text.size());
    if (!is_control(kind)) user_defined_[first].push_back(text.size());
    lengths_.push_back(text.size());
  }
  for (Lengths* lengths : {&user_defined_, &all_})
    std::for_each(lengths->begin(), lengths->end(), longest_first_and_once);
  longest_first_and_once(lengths_);
}

std::vector<TextPiece> SpecialTokens::split(std::string_view text, bool parse_special) const {
  const Lengths& lengths_by_first = parse_special ? all_ : user_defined_;
  const auto lengths_at = [&](std::size_t at) -> const std::vector<std::size_t>& {
    return lengths_by_first[static_cast<unsigned char>(text[at])];
  };
  std::vector<std::size_t> candidates;  // where a token may begin
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!lengths_at(at).empty()) candidates.push_back(at);
  }
  std::vector<TokenId> begins;  // the token taken at each byte, or -1
  std::vector<bool> claimed;
  if (!candidates.empty()) {
    begins.assign(text.size(), -1);
    claimed.assign(text.size(), false);
  }
  for (const std::size_t length : lengths_) {
    for (const std::size_t at : candidates) {
      // What is there already is at least as long: its ends or its middle would be inside this one.
      if (at + length > text.size() || claimed[at] || claimed[at + length - 1]) continue;
      const std::vector<std::size_t>& lengths = lengths_at(at);
      if (!std::binary_search(lengths.begin(), lengths.end(), length, std::greater<>())) continue;
      const TokenId id = vocabulary_.find(text.substr(at, length));
      if (id < 0) continue;
      const TokenKind kind = vocabulary_.kind(id);
      if (kind != TokenKind::kUserDefined && !(parse_special && is_control(kind))) continue;
      begins[at] = id;
      std::fill_n(claimed.begin() + static_cast<std::ptrdiff_t>(at), length, true);
    }
  }
  std::vector<TextPiece> pieces;
  std::size_t done = 0;
  for (const std::size_t at : candidates) {
    if (begins[at] < 0) continue;
    if (at > done) pieces.push_back({text.substr(done, at - done), -1});
    const std::size_t length = vocabulary_.text(begins[at]).size();
    pieces.push_back({text.substr(at, length), begins[at]});
    done = at + length;
  }
  if (done < text.size()) pieces.push_back({text.substr(done), -1});
  return pieces;
}

}  // namespace mnema
