// inference/chat/jinja_token_reader.hpp
//
// Walks over a template's tokens. The first thing that does not fit is kept, with its line; after it there is nothing
// left to read, so that a parser comes to its end by itself.
//
// Threads: confined to one parse.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "inference/chat/jinja_lexer.hpp"

namespace mnema::jinja {

class TokenReader {
 public:
  /// `tokens` ends with a kEnd token.
  explicit TokenReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] bool ok() const { return error_.empty(); }
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token next() {
    const Token token = peek();
    skip(1);
    return token;
  }
  void skip(std::size_t count) { at_ = std::min(at_ + count, tokens_.size() - 1); }
  void back() { --at_; }

  [[nodiscard]] bool is(TokenType type) const { return peek().type == type; }
  [[nodiscard]] bool is_symbol(std::string_view text) const { return is(TokenType::kSymbol) && peek().text == text; }
  [[nodiscard]] bool is_name(std::string_view text) const { return is(TokenType::kName) && peek().text == text; }
  bool take_symbol(std::string_view text) { return is_symbol(text) && (skip(1), true); }
  bool take_name(std::string_view text) { return is_name(text) && (skip(1), true); }
  void need_symbol(std::string_view text) {
    if (!take_symbol(text)) unexpected("'" + std::string(text) + "'");
  }
  void need(TokenType type, const char* what) {
    if (is(type))
      skip(1);
    else
      unexpected(what);
  }
  std::string need_name() {
    if (is(TokenType::kName)) return next().text;
    unexpected("a name");
    return {};
  }
  void unexpected(const std::string& wanted) {
    if (ok()) error_ = "line " + std::to_string(peek().line) + ": expected " + wanted + ", found '" + peek().text + "'";
    at_ = tokens_.size() - 1;
  }

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::string error_;
};

}  // namespace mnema::jinja
