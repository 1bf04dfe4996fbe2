// inference/chat/jinja_token_stream.hpp
//
// A template's tokens while they are parsed. After the first error nothing is left to be read.
//
// Threads: confined to the parser.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inference/chat/jinja_lexer.hpp"

namespace mnema::jinja {

/// Blocks and expressions inside one another.
inline constexpr int kNestingMax = 100;
/// Operators, members, filters and calls of one tag: each is a closure inside the next.
inline constexpr int kLinksMax = 256;

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  [[nodiscard]] bool is(TokenType type, std::string_view text) const {
    return peek().type == type && peek().text == text;
  }
  [[nodiscard]] bool is_symbol(std::string_view text) const { return is(TokenType::kSymbol, text); }
  [[nodiscard]] bool is_name(std::string_view text) const { return is(TokenType::kName, text); }
  bool take_symbol(std::string_view text) { return take(TokenType::kSymbol, text); }
  bool take_name(std::string_view text) { return take(TokenType::kName, text); }
  bool take(TokenType type, std::string_view text = {}) {
    if (peek().type != type || (!text.empty() && peek().text != text)) return false;
    ++at_;
    return true;
  }
  void need_symbol(std::string_view text) {
    if (!take_symbol(text)) unexpected("'" + std::string(text) + "'");
  }
  void need(TokenType type, const char* what) {
    if (!take(type)) unexpected(what);
  }
  std::string need_name() {
    if (peek().type != TokenType::kName) {
      unexpected("a name");
      return {};
    }
    return tokens_[at_++].text;
  }
  void skip(std::size_t count = 1) { at_ = std::min(at_ + count, tokens_.size() - 1); }

  /// Where the next token stands; to be given to `names_since`.
  [[nodiscard]] std::size_t position() const { return at_; }
  /// Whether a name, not that of a member, was read since `begin`.
  [[nodiscard]] bool names_since(std::size_t begin, std::string_view name) const {
    for (std::size_t i = begin; i < at_; ++i) {
      const bool is_member = i > 0 && tokens_[i - 1].type == TokenType::kSymbol && tokens_[i - 1].text == ".";
      if (tokens_[i].type == TokenType::kName && tokens_[i].text == name && !is_member) return true;
    }
    return false;
  }

  void unexpected(const std::string& wanted) { refuse("expected " + wanted + ", found '" + peek().text + "'"); }
  void refuse(const std::string& what) {
    if (error_.empty()) error_ = "line " + std::to_string(peek().line) + ": " + what;
    at_ = tokens_.size() - 1;
  }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }

  /// Begins to count the links of a tag.
  void begin_tag() { links_ = 0; }
  /// One more closure around those of this tag.
  void link() {
    if (++links_ > kLinksMax) refuse("the expression is too long");
  }
  bool enter() {
    if (++nesting_ > kNestingMax) unexpected("less nesting");
    return ok();
  }
  void leave() { --nesting_; }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  int links_ = 0;
  std::string error_;
};

}  // namespace mnema::jinja
