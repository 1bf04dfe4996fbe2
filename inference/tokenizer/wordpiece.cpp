#include "inference/tokenizer/wordpiece.hpp"

#include <utf8proc.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fstream>
#include <iterator>
#include <optional>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::size_t kWordCharactersMax = 100;  // longer words are unknown, as in the original

bool is_blank(utf8proc_int32_t point) {
  return point == ' ' || point == '\t' || point == '\n' || point == '\r' ||
         utf8proc_category(point) == UTF8PROC_CATEGORY_ZS;
}

bool is_removed(utf8proc_int32_t point) {
  if (point == '\t' || point == '\n' || point == '\r') return false;
  if (point == 0 || point == 0xfffd) return true;
  const utf8proc_category_t category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO ||
         category == UTF8PROC_CATEGORY_CS;
}

bool is_punctuation(utf8proc_int32_t point) {
  if ((point >= 33 && point <= 47) || (point >= 58 && point <= 64) || (point >= 91 && point <= 96) ||
      (point >= 123 && point <= 126)) {
    return true;
  }
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_chinese(utf8proc_int32_t p) {
  return (p >= 0x4e00 && p <= 0x9fff) || (p >= 0x3400 && p <= 0x4dbf) || (p >= 0x20000 && p <= 0x2a6df) ||
         (p >= 0x2a700 && p <= 0x2b73f) || (p >= 0x2b740 && p <= 0x2b81f) || (p >= 0x2b820 && p <= 0x2ceaf) ||
         (p >= 0xf900 && p <= 0xfaff) || (p >= 0x2f800 && p <= 0x2fa1f);
}

void append_character(std::string& out, utf8proc_int32_t point) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t length = utf8proc_encode_char(point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

/// One character lower-cased, decomposed, without its combining marks.
void append_plain(std::string& out, utf8proc_int32_t point) {
  utf8proc_int32_t parts[16];
  int last = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(utf8proc_tolower(point), parts, 16, UTF8PROC_DECOMPOSE, &last);
  if (count < 1 || count > 16) return append_character(out, point);
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    if (utf8proc_category(parts[i]) != UTF8PROC_CATEGORY_MN) append_character(out, parts[i]);
  }
}

/// A word of the cleaned text, and for each of its bytes the character of the text that it came from.
struct Word {
  std::string text;
  std::vector<TokenSpan> sources;  // only where asked for
};

std::uint32_t to_u32(std::size_t offset) { return static_cast<std::uint32_t>(offset); }

/// Words of the cleaned text. Precondition: valid UTF-8.
std::vector<Word> words_of(std::string_view text, bool with_sources) {
  std::vector<Word> words;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                                     static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    const std::size_t begin = at;
    at += length > 0 ? static_cast<std::size_t>(length) : 1;
    if (length <= 0 || is_removed(point)) continue;
    if (is_blank(point)) {
      open = false;
      continue;
    }
    const bool alone = is_punctuation(point) || is_chinese(point);
    if (alone || !open) words.emplace_back();
    Word& word = words.back();
    append_plain(word.text, point);
    if (with_sources) {
      if (!word.sources.empty() && word.text.size() == word.sources.size()) word.sources.back().end = to_u32(at);
      word.sources.resize(word.text.size(), TokenSpan{to_u32(begin), to_u32(at)});
    }
    open = !alone;
  }
  return words;
}

Result<std::string> text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound, "'" + path + "' cannot be read",
                "'mnema models pull NAME' fetches an encoder with its vocabulary");
  }
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

std::size_t characters_in(const std::string& word) {
  std::size_t count = 0;
  for (const char c : word) count += (c & 0xc0) != 0x80 ? 1U : 0U;
  return count;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::open(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, text_of_file(path));
  return from_text(text, path);
}

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::open_json(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, text_of_file(path));
  return from_json(text, path);
}

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::from_text(std::string_view text, const std::string& name) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    tokens.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return from_tokens(std::move(tokens), name);
}

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::from_json(std::string_view text, const std::string& name) {
  const auto corrupt = [&name](const std::string& what) {
    return fail(ErrorCode::kCorrupt, "'" + name + "' " + what, "fetch the file again");
  };
  boost::json::parse_options options;
  options.max_depth = 32;
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(text, error, {}, options);
  const auto member = [](const boost::json::value* of, const char* key) -> const boost::json::value* {
    return of != nullptr && of->is_object() ? of->get_object().if_contains(key) : nullptr;
  };
  const auto says = [](const boost::json::value* value, std::string_view expected) {
    return value != nullptr && value->is_string() && value->get_string() == expected;
  };
  const auto is_false = [](const boost::json::value* value) {
    return value != nullptr && value->is_bool() && !value->get_bool();
  };
  if (error || !json.is_object()) return corrupt("is no JSON object");
  const boost::json::value* model = member(&json, "model");
  const boost::json::value* normalizer = member(&json, "normalizer");
  const boost::json::value* vocabulary = member(model, "vocab");
  if (vocabulary == nullptr || !vocabulary->is_object()) return corrupt("has no vocabulary");
  const bool is_uncased = says(member(normalizer, "type"), "BertNormalizer") &&
                          !is_false(member(normalizer, "lowercase")) && !is_false(member(normalizer, "strip_accents"));
  if (!says(member(model, "type"), "WordPiece") || !says(member(model, "continuing_subword_prefix"), "##") ||
      !is_uncased) {
    return fail(ErrorCode::kUnsupported, "'" + name + "' is no WordPiece tokenizer of an uncased model",
                "choose an encoder of the catalogue: 'mnema models list'");
  }
  std::vector<std::string> tokens(vocabulary->get_object().size());
  std::vector<bool> known(tokens.size(), false);
  for (const auto& [token, id] : vocabulary->get_object()) {
    const std::int64_t at = id.is_int64() ? id.get_int64() : -1;
    if (at < 0 || static_cast<std::size_t>(at) >= tokens.size() || known[static_cast<std::size_t>(at)]) {
      return corrupt("has token ids that are not 0 to " + std::to_string(tokens.size() - 1));
    }
    known[static_cast<std::size_t>(at)] = true;
    tokens[static_cast<std::size_t>(at)] = std::string(token);
  }
  return from_tokens(std::move(tokens), name);
}

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::from_tokens(std::vector<std::string> tokens,
                                                                         const std::string& name) {
  std::shared_ptr<WordPieceTokenizer> made(new WordPieceTokenizer);
  made->tokens_ = std::move(tokens);
  for (std::size_t id = 0; id < made->tokens_.size(); ++id) {
    made->ids_.emplace(made->tokens_[id], static_cast<TokenId>(id));
  }
  made->classify_ = made->find("[CLS]");
  made->separate_ = made->find("[SEP]");
  made->unknown_ = made->find("[UNK]");
  if (made->classify_ < 0 || made->separate_ < 0 || made->unknown_ < 0) {
    return fail(ErrorCode::kCorrupt, "'" + name + "' lacks [CLS], [SEP] or [UNK]", "fetch the file again");
  }
  return std::shared_ptr<const Tokenizer>(std::move(made));
}

TokenId WordPieceTokenizer::find(std::string_view text) const {
  const auto found = ids_.find(std::string(text));
  return found == ids_.end() ? -1 : found->second;
}

/// Calls `on_piece(id, begin, end)` for each of the pieces that bytes begin..end-1 of the word are.
template <class OnPiece>
void WordPieceTokenizer::cut_word(const std::string& word, const OnPiece& on_piece) const {
  if (word.empty()) return;
  struct Piece {
    TokenId id;
    std::size_t begin, end;
  };
  std::vector<Piece> pieces;
  if (characters_in(word) > kWordCharactersMax) return on_piece(unknown_, std::size_t{0}, word.size());
  for (std::size_t begin = 0; begin < word.size();) {
    TokenId found = -1;
    std::size_t end = word.size();
    for (; end > begin; --end) {
      const bool inside_character = end < word.size() && (word[end] & 0xc0) == 0x80;
      if (inside_character) continue;
      found = find((begin > 0 ? "##" : "") + word.substr(begin, end - begin));
      if (found >= 0) break;
    }
    if (found < 0) {  // one unknown part makes the whole word unknown
      return on_piece(unknown_, std::size_t{0}, word.size());
    }
    pieces.push_back({found, begin, end});
    begin = end;
  }
  for (const Piece& piece : pieces) on_piece(piece.id, piece.begin, piece.end);
}

Result<std::vector<TokenId>> WordPieceTokenizer::encode(std::string_view text, bool add_special, bool) const {
  RETURN_IF_ERROR(check_utf8(text));
  std::vector<TokenId> ids;
  if (add_special) ids.push_back(classify_);
  for (const Word& word : words_of(text, false)) {
    cut_word(word.text, [&ids](TokenId id, std::size_t, std::size_t) { ids.push_back(id); });
  }
  if (add_special) ids.push_back(separate_);
  return ids;
}

Result<LocatedTokens> WordPieceTokenizer::locate(std::string_view text) const {
  RETURN_IF_ERROR(check_utf8(text));
  LocatedTokens tokens;
  for (const Word& word : words_of(text, true)) {
    cut_word(word.text, [&](TokenId id, std::size_t begin, std::size_t end) {
      tokens.ids.push_back(id);
      tokens.spans.push_back({word.sources[begin].begin, word.sources[end - 1].end});
    });
  }
  return tokens;
}

Result<std::string> WordPieceTokenizer::decode_token(TokenId id, bool render_special) const {
  RETURN_IF_ERROR(check_id(id));
  const std::string& text = tokens_[static_cast<std::size_t>(id)];
  if (is_control(id)) return render_special ? text : std::string();
  return text.starts_with("##") ? text.substr(2) : " " + text;
}

bool WordPieceTokenizer::is_control(TokenId id) const { return id == classify_ || id == separate_ || id == unknown_; }

}  // namespace mnema
