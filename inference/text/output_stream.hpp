// inference/text/output_stream.hpp
//
// From tokens to what a client sees: bytes to whole UTF-8 characters, up to a stop string, taken apart into text,
// reasoning and tool calls.
//
// Threads: confined to one generation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inference/chat/tool_calls.hpp"
#include "inference/request.hpp"
#include "inference/tokenizer/tokenizer.hpp"

namespace mnema {

class OutputStream {
 public:
  OutputStream(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stop, OutputParser::Options parser);

  /// One more token. Returns false once a stop string has been met: nothing after it comes out.
  [[nodiscard]] bool push(TokenId id, Delta& delta);
  /// The end: what was held back comes out. An unfinished character becomes U+FFFD.
  void finish(Delta& delta);

  /// What comes is part of a tool call.
  [[nodiscard]] bool in_tool_call() const { return parser_.in_call(); }
  [[nodiscard]] const std::vector<ToolCall>& calls() const { return parser_.calls(); }

 private:
  void release(std::size_t bytes, Delta& delta);

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::vector<std::string> stop_;
  OutputParser parser_;
  std::string pending_;  // may be the beginning of a stop string, or half a character
  bool stopped_ = false;
};

}  // namespace mnema
