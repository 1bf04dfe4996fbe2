// tests/inference/piece_tokenizer.hpp
//
// A tokenizer whose tokens are whatever pieces a test names: the id is the piece's place in the list. Text is encoded
// greedily, the longest piece first.
#pragma once

#include <algorithm>

#include "inference/tokenizer/tokenizer.hpp"

namespace mnema::testing {

class PieceTokenizer final : public Tokenizer {
 public:
  /// `ends`: ids after which a turn is over; they are control tokens.
  explicit PieceTokenizer(std::vector<std::string> pieces, std::vector<TokenId> ends = {})
      : pieces_(std::move(pieces)), ends_(std::move(ends)) {}

  Result<std::vector<TokenId>> encode(std::string_view text, bool, bool parse_special) const override {
    RETURN_IF_ERROR(check_utf8(text));
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId best = -1;
      for (TokenId id = 0; id < vocabulary_size(); ++id) {
        if (!text.starts_with(piece(id)) || (is_control(id) && !parse_special)) continue;
        if (best < 0 || piece(id).size() > piece(best).size()) best = id;
      }
      if (best < 0) return fail(ErrorCode::kInvalidArgument, "no piece begins '" + std::string(text) + "'");
      ids.push_back(best);
      text.remove_prefix(piece(best).size());
    }
    return ids;
  }
  Result<std::string> decode_token(TokenId id, bool render_special) const override {
    RETURN_IF_ERROR(check_id(id));
    return is_control(id) && !render_special ? std::string() : piece(id);
  }
  int vocabulary_size() const override { return static_cast<int>(pieces_.size()); }
  bool is_control(TokenId id) const override { return std::find(ends_.begin(), ends_.end(), id) != ends_.end(); }
  TokenId beginning_of_sequence() const override { return -1; }
  TokenId end_of_sequence() const override { return ends_.empty() ? -1 : ends_[0]; }
  const std::vector<TokenId>& end_of_generation() const override { return ends_; }
  TokenId find(std::string_view text) const override {
    const auto at = std::find(pieces_.begin(), pieces_.end(), text);
    return at == pieces_.end() ? -1 : static_cast<TokenId>(at - pieces_.begin());
  }

 private:
  const std::string& piece(TokenId id) const { return pieces_[static_cast<std::size_t>(id)]; }

  const std::vector<std::string> pieces_;
  const std::vector<TokenId> ends_;
};

}  // namespace mnema::testing
