#include "inference/tokenizer/special_tokens.hpp"

#include <algorithm>

namespace mnema {
namespace {

struct Match {
  std::size_t begin;
  std::size_t length;
  TokenId id;
};

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) {
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const TokenKind kind = vocabulary.kind(id);
    const std::string_view text = vocabulary.text(id);
    if (text.empty()) continue;
    const bool control = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    if (!control && kind != TokenKind::kUserDefined) continue;
    by_first_byte_[static_cast<unsigned char>(text[0])].push_back({text, id, control});
  }
}

std::vector<TextPiece> SpecialTokens::split(std::string_view text, bool parse_special) const {
  std::vector<Match> matches;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const Entry& entry : by_first_byte_[static_cast<unsigned char>(text[at])]) {
      if (entry.control && !parse_special) continue;
      if (text.substr(at).starts_with(entry.text)) matches.push_back({at, entry.text.size(), entry.id});
    }
  }
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return a.length != b.length ? a.length > b.length : a.begin < b.begin;
  });
  std::vector<Match> taken;
  if (!matches.empty()) {
    std::vector<bool> claimed(text.size(), false);
    for (const Match& match : matches) {
      // A longer or earlier token is there already: its ends or its middle would be inside this one.
      if (claimed[match.begin] || claimed[match.begin + match.length - 1]) continue;
      taken.push_back(match);
      std::fill_n(claimed.begin() + static_cast<std::ptrdiff_t>(match.begin), match.length, true);
    }
    std::sort(taken.begin(), taken.end(), [](const Match& a, const Match& b) { return a.begin < b.begin; });
  }
  std::vector<TextPiece> pieces;
  std::size_t at = 0;
  for (const Match& match : taken) {
    if (match.begin > at) pieces.push_back({text.substr(at, match.begin - at), -1});
    pieces.push_back({text.substr(match.begin, match.length), match.id});
    at = match.begin + match.length;
  }
  if (at < text.size()) pieces.push_back({text.substr(at), -1});
  return pieces;
}

}  // namespace mnema
