#include "inference/chat/jinja_lexer.hpp"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <optional>

#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

constexpr std::array<std::string_view, 25> kSymbols = {"==", "!=", "<=", ">=", "//", "**", "(", ")", "[",
                                                       "]",  "{",  "}",  ",",  ".",  ":",  "|", "+", "-",
                                                       "*",  "/",  "%",  "~",  "<",  ">",  "="};
constexpr std::string_view kDigits = "0123456789";

/// Line ends as \n, and the last one dropped.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::size_t blanks_at_front(std::string_view text) {
  return text.size() - stripped(text, std::nullopt, true, false).size();
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : normalized_(normalized(source)), source_(normalized_) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const std::size_t open = next_tag();
      if (open == std::string_view::npos) {
        add_text(source_.substr(at_));
        advance(source_.size());
        break;
      }
      RETURN_IF_ERROR(tag_at(open));
    }
    add(TokenType::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::size_t next_tag() const {
    for (std::size_t i = source_.find('{', at_); i != std::string_view::npos; i = source_.find('{', i + 1)) {
      if (i + 1 < source_.size() && (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#')) return i;
    }
    return std::string_view::npos;
  }

  Status tag_at(std::size_t open) {
    const char kind = source_[open + 1];
    const std::size_t raw = kind == '%' ? raw_tag_at(open, "raw", false) : 0;
    text_before(open, kind == '{');
    if (raw > 0) {
      after(open + raw);
      return raw_text();
    }
    advance(open + 2 + (sign_at(open + 2) != 0 ? 1U : 0U));
    return kind == '#' ? comment() : tag(kind);
  }

  [[nodiscard]] char sign_at(std::size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  /// The literal text before the tag at `open`, cut as the tag's sign and kind demand.
  void text_before(std::size_t open, bool is_output) {
    std::string_view text = source_.substr(at_, open - at_);
    const char sign = sign_at(open + 2);
    if (sign == '-') {
      text = stripped(text, std::nullopt, false, true);
    } else if (sign != '+' && !is_output) {
      const std::size_t line = text.rfind('\n') + 1;  // npos + 1 = 0
      if ((line > 0 || at_line_start_) && blanks_at_front(text.substr(line)) == text.size() - line)
        text = text.substr(0, line);
    }
    add_text(text);
    advance(open);
  }

  /// Bytes of `{% name %}` at `at`, with the blanks that its end takes along; 0 if it does not stand there.
  [[nodiscard]] std::size_t raw_tag_at(std::size_t at, std::string_view name, bool trims_line) const {
    std::size_t i = at + 2 + (sign_at(at + 2) != 0 ? 1U : 0U);
    i += blanks_at_front(source_.substr(std::min(i, source_.size())));
    if (i >= source_.size() || !source_.substr(i).starts_with(name)) return 0;
    i += name.size();
    i += blanks_at_front(source_.substr(i));
    const std::string_view rest = source_.substr(i);
    if (rest.starts_with("-%}")) return i + 3 + blanks_at_front(rest.substr(3)) - at;
    if (trims_line && rest.starts_with("+%}")) return i + 3 - at;
    if (!rest.starts_with("%}")) return 0;
    return i + 2 + (trims_line && rest.substr(2).starts_with('\n') ? 1U : 0U) - at;
  }

  /// Until {% endraw %}, which is taken.
  Status raw_text() {
    if (at_ == source_.size()) return {};
    for (std::size_t open = source_.find("{%", at_); open != std::string_view::npos;
         open = source_.find("{%", open + 1)) {
      const std::size_t length = raw_tag_at(open, "endraw", true);
      if (length == 0) continue;
      text_before(open, false);
      after(open + length);
      return {};
    }
    return error("raw is not closed");
  }

  Status comment() {
    const std::size_t close = source_.find("#}", at_);
    if (close == std::string_view::npos) return error("a comment is not closed");
    end_tag(close > at_ ? source_[close - 1] : ' ', close + 2, true);
    return {};
  }

  /// Behind the end of a tag at `end`, which had `sign` before it.
  void end_tag(char sign, std::size_t end, bool trims_line) {
    if (sign == '-')
      end += blanks_at_front(source_.substr(end));
    else if (trims_line && sign != '+' && source_.substr(end).starts_with('\n'))
      ++end;
    after(end);
  }

  void after(std::size_t end) {
    advance(end);
    at_line_start_ = end > 0 && source_[end - 1] == '\n';
  }

  Status tag(char kind) {
    const std::string_view closing = kind == '{' ? "}}" : "%}";
    add(kind == '{' ? TokenType::kOutputBegin : TokenType::kBlockBegin, "");
    std::string open;  // brackets: "}}" may end two dictionaries
    for (;;) {
      advance(at_ + blanks_at_front(source_.substr(at_)));
      const std::string_view rest = source_.substr(at_);
      if (rest.empty()) return error("a tag is not closed");
      if (open.empty()) {
        const bool has_sign = rest[0] == '-' || (rest[0] == '+' && kind == '%');
        if (rest.substr(has_sign ? 1 : 0).starts_with(closing)) {
          add(kind == '{' ? TokenType::kOutputEnd : TokenType::kBlockEnd, "");
          end_tag(has_sign ? rest[0] : ' ', at_ + (has_sign ? 3 : 2), kind == '%');
          return {};
        }
      }
      if (rest[0] == '(' || rest[0] == '[' || rest[0] == '{') open += rest[0];
      if (rest[0] == ')' || rest[0] == ']' || rest[0] == '}') {
        const char wanted = rest[0] == ')' ? '(' : rest[0] == ']' ? '[' : '{';
        if (open.empty() || open.back() != wanted) return error("unexpected '" + std::string(1, rest[0]) + "'");
        open.pop_back();
      }
      RETURN_IF_ERROR(token(rest));
    }
  }

  Status token(std::string_view rest) {
    if (const std::size_t length = number_at(rest); length > 0) return number(rest.substr(0, length));
    if (const std::size_t length = name_at(rest); length > 0) {
      add(TokenType::kName, std::string(rest.substr(0, length)));
      advance(at_ + length);
      return {};
    }
    if (rest[0] == '"' || rest[0] == '\'') return quoted(rest);
    for (const std::string_view symbol : kSymbols) {
      if (!rest.starts_with(symbol)) continue;
      add(TokenType::kSymbol, std::string(symbol));
      advance(at_ + symbol.size());
      return {};
    }
    return error("unexpected character '" + std::string(rest.substr(0, character_at(rest, 0).bytes)) + "'");
  }

  static std::size_t name_at(std::string_view rest) {
    std::size_t end = 0;
    while (end < rest.size()) {
      const Character character = character_at(rest, end);
      if (!is_word_character(character.value) &&
          !u_hasBinaryProperty(static_cast<UChar32>(character.value), UCHAR_XID_CONTINUE))
        break;
      end += character.bytes;
    }
    return is_identifier(rest.substr(0, end)) ? end : 0;
  }

  /// Digits with single underscores between them.
  static std::size_t digits_at(std::string_view text, std::string_view digits = kDigits) {
    std::size_t end = 0;
    while (end < text.size()) {
      const bool underscore = text[end] == '_' && end > 0 && end + 1 < text.size();
      if (digits.find(text[underscore ? end + 1 : end]) == std::string_view::npos) break;
      end += underscore ? 2 : 1;
    }
    return end;
  }

  /// A number at the front of `rest`: 12, 1_000, 0x1f, 1.5, 1e3, 2.5e-3.
  static std::size_t number_at(std::string_view rest) {
    if (rest.size() > 2 && rest[0] == '0') {
      const char kind = static_cast<char>(rest[1] | 0x20);
      const std::string_view digits = kind == 'x'   ? "0123456789abcdefABCDEF"
                                      : kind == 'o' ? "01234567"
                                      : kind == 'b' ? "01"
                                                    : "";
      const std::size_t skip = rest[2] == '_' ? 3 : 2;
      const std::size_t length = digits.empty() ? 0 : digits_at(rest.substr(skip), digits);
      if (length > 0) return skip + length;
    }
    const std::size_t whole = digits_at(rest);
    if (whole == 0) return 0;
    std::size_t end = whole;
    if (rest.substr(end).starts_with('.')) {
      const std::size_t fraction = digits_at(rest.substr(end + 1));
      if (fraction > 0) end += 1 + fraction;
    }
    if (end < rest.size() && (rest[end] | 0x20) == 'e') {
      const std::size_t sign = end + 1 < rest.size() && (rest[end + 1] == '+' || rest[end + 1] == '-') ? 1 : 0;
      const std::size_t exponent = digits_at(rest.substr(end + 1 + sign));
      if (exponent > 0) end += 1 + sign + exponent;
    }
    // An integer that begins with 0 is all zeros.
    if (end == whole && rest[0] == '0') end = digits_at(rest, "0");
    return end;
  }

  Status number(std::string_view text) {
    if (text.size() > 4300) return error("a number is too long");
    const bool is_hex = text.size() > 1 && (text[1] | 0x20) == 'x';
    const bool is_real = !is_hex && text.find_first_of(".eE") != std::string_view::npos;
    std::string plain(text);
    std::erase(plain, '_');
    add(is_real ? TokenType::kFloat : TokenType::kInteger, std::move(plain));
    advance(at_ + text.size());
    return {};
  }

  Status quoted(std::string_view rest) {
    std::string text;
    std::size_t i = 1;
    while (i < rest.size() && rest[i] != rest[0]) {
      if (rest[i] != '\\') {
        text += rest[i++];
        continue;
      }
      if (++i >= rest.size()) break;
      RETURN_IF_ERROR(escape(rest, i, text));
    }
    if (i >= rest.size()) return error("a string is not closed");
    add(TokenType::kString, std::move(text));
    advance(at_ + i + 1);
    return {};
  }

  /// What stands behind a backslash, at `i`, which is moved behind it.
  Status escape(std::string_view rest, std::size_t& i, std::string& out) const {
    constexpr std::string_view kNames = "abfnrtv\\'\"", kCharacters = "\a\b\f\n\r\t\v\\'\"";
    const char c = rest[i];
    if (const std::size_t known = kNames.find(c); known != std::string_view::npos) {
      out += kCharacters[known];
      ++i;
    } else if (c == '\n') {
      ++i;
    } else if (c >= '0' && c <= '7') {
      char32_t value = 0;
      for (int digits = 0; digits < 3 && i < rest.size() && rest[i] >= '0' && rest[i] <= '7'; ++digits)
        value = value * 8 + static_cast<char32_t>(rest[i++] - '0');
      append_character(out, value);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const std::string_view hex = rest.substr(i + 1, digits);
      if (hex.size() < digits || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
        return error("a \\" + std::string(1, c) + " in a string needs " + std::to_string(digits) + " digits");
      const unsigned long value = std::stoul(std::string(hex), nullptr, 16);
      if (value > 0x10ffff) return error("a string names a character that there is not");
      append_character(out, static_cast<char32_t>(value));
      i += 1 + digits;
    } else if (c == 'N' && rest.substr(i + 1).starts_with('{')) {
      const std::size_t close = rest.find('}', i);
      UErrorCode failed = U_ZERO_ERROR;
      const UChar32 named =
          close == std::string_view::npos
              ? 0
              : u_charFromName(U_EXTENDED_CHAR_NAME, std::string(rest.substr(i + 2, close - i - 2)).c_str(), &failed);
      if (close == std::string_view::npos || U_FAILURE(failed))
        return error("a string names a character that there is not");
      append_character(out, static_cast<char32_t>(named));
      i = close + 1;
    } else {
      out += '\\';
    }
    return {};
  }

  void add(TokenType type, std::string text) { tokens_.push_back({type, std::move(text), line_}); }
  void add_text(std::string_view text) {
    if (!text.empty()) add(TokenType::kText, std::string(text));
  }
  void advance(std::size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }
  [[nodiscard]] Error error(const std::string& what) const {
    return fail(ErrorCode::kInvalidArgument, "chat template, line " + std::to_string(line_) + ": " + what);
  }

  std::string normalized_;
  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace mnema::jinja
