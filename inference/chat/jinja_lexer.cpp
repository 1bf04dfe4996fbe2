#include "inference/chat/jinja_lexer.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace mnema::jinja {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";
constexpr std::array<std::string_view, 27> kSymbols = {"==", "!=", "<=", ">=", "//", "**", "(", ")", "[",
                                                       "]",  "{",  "}",  ",",  ".",  ":",  "|", "+", "-",
                                                       "*",  "/",  "%",  "~",  "<",  ">",  "=", ";", "!"};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {
    if (source_.ends_with('\n')) source_.remove_suffix(1);
    if (source_.ends_with('\r')) source_.remove_suffix(1);
  }

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const std::size_t open = next_tag();
      text_until(open);
      if (open == std::string_view::npos) break;
      RETURN_IF_ERROR(tag(source_[open + 1]));
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

  /// The literal text before the tag at `open`, cut as the tag's sign and kind demand. Leaves at_ behind the sign.
  void text_until(std::size_t open) {
    const std::size_t end = std::min(open, source_.size());
    std::string_view text = source_.substr(at_, end - at_);
    if (open != std::string_view::npos) {
      const char kind = source_[open + 1], sign = open + 2 < source_.size() ? source_[open + 2] : ' ';
      if (sign == '-') {
        text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
      } else if (kind != '{' && sign != '+') {
        const std::size_t line = text.rfind('\n') + 1;  // npos + 1 = 0
        const bool at_line_start = line > 0 || at_ == 0 || source_[at_ - 1] == '\n';
        if (at_line_start && text.find_first_not_of(" \t", line) == std::string_view::npos) text = text.substr(0, line);
      }
      if (!text.empty()) add(TokenType::kText, std::string(text));
      advance(open + 2 + (sign == '-' || sign == '+' ? 1U : 0U));
      return;
    }
    if (!text.empty()) add(TokenType::kText, std::string(text));
    advance(end);
  }

  Status tag(char kind) {
    if (kind == '#') {
      const std::size_t close = source_.find("#}", at_);
      if (close == std::string_view::npos) return error("a comment is not closed");
      const bool strip = close > at_ && source_[close - 1] == '-';
      advance(close + 2);
      after_tag(strip, true);
      return {};
    }
    const std::string_view closing = kind == '{' ? "}}" : "%}";
    add(kind == '{' ? TokenType::kOutputBegin : TokenType::kBlockBegin, "");
    int depth = 0;  // of braces: "}}" may end two dictionaries
    for (;;) {
      advance(std::min(source_.find_first_not_of(kBlanks, at_), source_.size()));
      const std::string_view rest = source_.substr(at_);
      if (rest.empty()) return error("a tag is not closed");
      if (depth == 0) {
        const bool strip = rest[0] == '-' || rest[0] == '+';
        if (rest.substr(strip ? 1 : 0).starts_with(closing)) {
          advance(at_ + (strip ? 3 : 2));
          add(kind == '{' ? TokenType::kOutputEnd : TokenType::kBlockEnd, "");
          after_tag(rest[0] == '-', kind == '%' && rest[0] != '+');
          return {};
        }
      }
      if (rest[0] == '{') ++depth;
      if (rest[0] == '}') --depth;
      RETURN_IF_ERROR(token(rest));
    }
  }

  void after_tag(bool strip, bool trim_line) {
    if (strip)
      advance(std::min(source_.find_first_not_of(kBlanks, at_), source_.size()));
    else if (trim_line && source_.substr(at_).starts_with("\r\n"))
      advance(at_ + 2);
    else if (trim_line && source_.substr(at_).starts_with('\n'))
      advance(at_ + 1);
  }

  Status token(std::string_view rest) {
    const auto first = static_cast<unsigned char>(rest[0]);
    if (std::isalpha(first) != 0 || first == '_') {
      const std::size_t length = span(rest, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
      add(TokenType::kName, std::string(rest.substr(0, length)));
      advance(at_ + length);
      return {};
    }
    if (std::isdigit(first) != 0) return number(rest);
    if (first == '"' || first == '\'') return quoted(rest);
    for (const std::string_view symbol : kSymbols) {
      if (!rest.starts_with(symbol)) continue;
      add(TokenType::kSymbol, std::string(symbol));
      advance(at_ + symbol.size());
      return {};
    }
    return error("unexpected character '" + std::string(1, rest[0]) + "'");
  }

  Status number(std::string_view rest) {
    const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    std::size_t length = span(rest, digit);
    bool real = false;
    if (length + 1 < rest.size() && rest[length] == '.' && digit(static_cast<unsigned char>(rest[length + 1]))) {
      real = true;
      length += 1 + span(rest.substr(length + 1), digit);
    }
    if (length > 18) return error("a number is too long");
    add(real ? TokenType::kFloat : TokenType::kInteger, std::string(rest.substr(0, length)));
    advance(at_ + length);
    return {};
  }

  Status quoted(std::string_view rest) {
    std::string text;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != rest[0]; ++i) {
      if (rest[i] != '\\' || i + 1 == rest.size()) {
        text += rest[i];
        continue;
      }
      switch (rest[++i]) {
        case 'n':
          text += '\n';
          break;
        case 't':
          text += '\t';
          break;
        case 'r':
          text += '\r';
          break;
        case '\\':
        case '\'':
        case '"':
          text += rest[i];
          break;
        default:
          text += '\\', text += rest[i];
      }
    }
    if (i == rest.size()) return error("a string is not closed");
    add(TokenType::kString, std::move(text));
    advance(at_ + i + 1);
    return {};
  }

  template <class Is>
  static std::size_t span(std::string_view text, Is is) {
    std::size_t i = 0;
    while (i < text.size() && is(static_cast<unsigned char>(text[i]))) ++i;
    return i;
  }

  void add(TokenType type, std::string text) { tokens_.push_back({type, std::move(text), line_}); }
  void advance(std::size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }
  [[nodiscard]] Error error(const std::string& what) const {
    return fail(ErrorCode::kInvalidArgument, "chat template, line " + std::to_string(line_) + ": " + what);
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace mnema::jinja
