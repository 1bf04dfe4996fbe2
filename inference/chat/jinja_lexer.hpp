// inference/chat/jinja_lexer.hpp
//
// A template's text as tokens: literal text, and what stands inside {{ }} and {% %}. Comments, {% raw %} and the
// control of blanks are dealt with here, as transformers configures Jinja (trim_blocks and lstrip_blocks on, one
// newline at the end dropped). Source: the template designer documentation of Jinja 3.1, and the string literals of
// Python.
//
// Threads: pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema::jinja {

enum class TokenType {
  kText,
  kOutputBegin,
  kOutputEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kSymbol,
  kEnd
};

struct Token {
  TokenType type;
  std::string text;  // of strings: what they stand for; of numbers: without underscores
  int line;
};

/// Ends with a kEnd token. Errors: `kInvalidArgument` with the line.
[[nodiscard]] Result<std::vector<Token>> tokenize(std::string_view source);

}  // namespace mnema::jinja
