#include "inference/tokenizer/wordpiece.hpp"

#include <utf8proc.h>

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

/// Words of the cleaned text. Precondition: valid UTF-8.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                                     static_cast<utf8proc_ssize_t>(text.size() - at), &point);
    at += length > 0 ? static_cast<std::size_t>(length) : 1;
    if (length <= 0 || is_removed(point)) continue;
    if (is_blank(point)) {
      open = false;
      continue;
    }
    const bool alone = is_punctuation(point) || is_chinese(point);
    if (alone || !open) words.emplace_back();
    append_plain(words.back(), point);
    open = !alone;
  }
  return words;
}

std::size_t characters_in(const std::string& word) {
  std::size_t count = 0;
  for (const char c : word) count += (c & 0xc0) != 0x80 ? 1U : 0U;
  return count;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::open(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorCode::kNotFound, "'" + path + "' cannot be read", "run `mnema models pull all-minilm-l6-v2`");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return from_text(text, path);
}

Result<std::shared_ptr<const Tokenizer>> WordPieceTokenizer::from_text(std::string_view text, const std::string& name) {
  std::shared_ptr<WordPieceTokenizer> made(new WordPieceTokenizer);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    made->ids_.emplace(std::string(line), static_cast<TokenId>(made->tokens_.size()));
    made->tokens_.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
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

void WordPieceTokenizer::append_word(const std::string& word, std::vector<TokenId>& ids) const {
  if (word.empty()) return;
  if (characters_in(word) > kWordCharactersMax) return ids.push_back(unknown_);
  const std::size_t first = ids.size();
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
      ids.resize(first);
      return ids.push_back(unknown_);
    }
    ids.push_back(found);
    begin = end;
  }
}

Result<std::vector<TokenId>> WordPieceTokenizer::encode(std::string_view text, bool add_special, bool) const {
  RETURN_IF_ERROR(check_utf8(text));
  std::vector<TokenId> ids;
  if (add_special) ids.push_back(classify_);
  for (const std::string& word : words_of(text)) append_word(word, ids);
  if (add_special) ids.push_back(separate_);
  return ids;
}

Result<std::string> WordPieceTokenizer::decode_token(TokenId id, bool render_special) const {
  RETURN_IF_ERROR(check_id(id));
  const std::string& text = tokens_[static_cast<std::size_t>(id)];
  if (is_control(id)) return render_special ? text : std::string();
  return text.starts_with("##") ? text.substr(2) : " " + text;
}

bool WordPieceTokenizer::is_control(TokenId id) const { return id == classify_ || id == separate_ || id == unknown_; }

}  // namespace mnema
