#include "inference/tokenizer/tokenizer.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema {

Result<std::vector<TokenId>> Tokenizer::encode_with(PieceMemo& memo, std::string_view text, bool add_special,
                                                    bool parse_special) const {
  const unsigned variant = (add_special ? 1U : 0U) | (parse_special ? 2U : 0U);
  std::vector<TokenId> ids;
  if (memo.append(text, variant, ids)) return ids;
  ASSIGN_OR_RETURN(ids, encode(text, add_special, parse_special));
  memo.keep(text, variant, ids);
  return ids;
}

Result<LocatedTokens> Tokenizer::locate(std::string_view /*text*/) const {
  return fail(ErrorCode::kUnsupported, "this model's tokens are not located in a text", "use an encoder");
}

Result<std::string> Tokenizer::decode(const std::vector<TokenId>& ids, bool render_special) const {
  std::string text;
  for (const TokenId id : ids) {
    ASSIGN_OR_RETURN(const std::string piece, decode_token(id, render_special));
    text += piece;
  }
  return text;
}

Status Tokenizer::check_utf8(std::string_view text) {
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid == text.size()) return {};
  return fail(ErrorCode::kInvalidArgument, "the text is not UTF-8 at byte " + std::to_string(valid), "send UTF-8");
}

Status Tokenizer::check_id(TokenId id) const {
  if (id >= 0 && id < vocabulary_size()) return {};
  return fail(ErrorCode::kInvalidArgument, "token id " + std::to_string(id) + " is out of range",
              "this model's ids are 0 to " + std::to_string(vocabulary_size() - 1));
}

int incomplete_utf8_suffix(std::string_view text) {
  const std::size_t most = std::min<std::size_t>(3, text.size());
  for (std::size_t back = 1; back <= most; ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return utf8_length(byte) > back ? static_cast<int>(back) : 0;
  }
  return 0;
}

}  // namespace mnema
