// inference/text/output_stream.hpp
//
// From tokens to what a client sees: bytes to whole UTF-8 characters, up to a stop string, taken apart into text,
// reasoning and tool calls. A token's log-probability comes with the delta that has the last of its bytes, so that text
// and log-probabilities tell the same: what is behind a stop string is in neither, and the token in which it begins is
// cut there in both. A character that the end has cut is not in the text; its tokens keep their bytes.
//
// Threads: confined to one generation.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/chat/tool_calls.hpp"
#include "inference/request.hpp"
#include "inference/tokenizer/tokenizer.hpp"

namespace mnema {

class OutputStream {
 public:
  OutputStream(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stop, OutputParser::Options parser);

  /// One more token, `logprob` where the client wants it. Returns false once a stop string has been met: nothing after
  /// it comes out.
  [[nodiscard]] bool push(TokenId id, std::optional<TokenLogprob> logprob, Delta& delta);
  /// The end: what was held back comes out. `cut`: the model has not ended the text. A stop string has cut it, too.
  void finish(Delta& delta, bool cut);

  /// What comes is part of a tool call.
  [[nodiscard]] bool in_tool_call() const { return parser_.in_call(); }
  [[nodiscard]] const std::vector<ToolCall>& calls() const { return parser_.calls(); }

 private:
  /// A token whose last byte has not come out yet.
  struct Waiting {
    TokenLogprob logprob;
    std::uint64_t begin, end;  // bytes, of all that the model wrote
  };
  void release(std::size_t bytes, Delta& delta);
  void stop_at(std::size_t bytes, Delta& delta);

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::vector<std::string> stop_;
  OutputParser parser_;
  std::string pending_;  // may be the beginning of a stop string, or half a character
  std::deque<Waiting> waiting_;
  std::uint64_t released_ = 0;  // bytes that have come out
  bool stopped_ = false;
};

}  // namespace mnema
