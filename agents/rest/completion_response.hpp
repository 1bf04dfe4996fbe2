// agents/rest/completion_response.hpp
//
// The answer of /v1/completions, written: whole, or as the chunks of a stream.
//
// Threads: confined to one answer. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

class CompletionWriter {
 public:
  struct Options {
    std::string id;  // "cmpl-..."
    std::string model;
    long long created = 0;
    bool logprobs = false;
    bool include_usage = false;
    bool echo_logprobs = false;  // logprobs begin with the prompt's
    bool score_only = false;     // what was generated is left out
  };
  explicit CompletionWriter(Options options) : options_(std::move(options)) {}

  /// `echoes`: per choice the text of its prompt, "" without echo.
  [[nodiscard]] boost::json::value whole(const std::vector<Completion>& choices, const std::vector<std::string>& echoes,
                                         const Usage& usage) const;

  /// A piece of text; "" if there is nothing to tell. `offset` is where the piece begins in the choice's text, in
  /// characters, and is moved on.
  [[nodiscard]] std::string piece(int choice, std::string_view text, const std::vector<TokenLogprob>& logprobs,
                                  std::size_t& offset) const;
  [[nodiscard]] std::string finish(int choice, FinishReason reason) const;
  [[nodiscard]] std::string usage(const Usage& usage) const;

 private:
  [[nodiscard]] boost::json::object envelope() const;
  [[nodiscard]] std::string choice_chunk(int choice, std::string_view text, boost::json::value logprobs,
                                         boost::json::value finish_reason) const;
  Options options_;
};

/// Characters (not bytes) of UTF-8 `text`.
[[nodiscard]] std::size_t character_count(std::string_view text);

}  // namespace mnema
