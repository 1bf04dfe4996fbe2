#include "inference/tokenizer/special_tokens.hpp"

#include <algorithm>
#include <functional>

namespace mnema {
namespace {

bool is_control(TokenKind kind) { return kind == TokenKind::kControl || kind == TokenKind::kUnknown; }

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenKind kind = vocabulary.kind(id);
    const std::string_view text = vocabulary.text(id);
    if (text.empty() || (!is_control(kind) && kind != TokenKind::kUserDefined)) continue;
    all_.add(text);
    if (!is_control(kind)) user_defined_.add(text);
    add_length(lengths_, text.size());
  }
}

std::vector<TextPiece> SpecialTokens::split(std::string_view text, bool parse_special) const {
  const TextLengths& lengths = parse_special ? all_ : user_defined_;
  std::vector<std::size_t> candidates;  // where a token may begin
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!lengths.of(text[at]).empty()) candidates.push_back(at);
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
      const Lengths& here = lengths.of(text[at]);
      if (!std::binary_search(here.begin(), here.end(), length, std::greater<>())) continue;
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
