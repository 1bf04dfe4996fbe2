// agents/rest/completion_response.hpp
//
// Writes the response of /v1/completions: as one body, or as the chunks of a stream. Each chunk is one JSON document;
// the caller puts it into an event of the stream and ends that with [DONE].
//
// Threads: const, from any thread.
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
    long long created = 0;  // seconds since 1970
    bool logprobs = false;
    bool include_usage = false;
    bool echo_logprobs = false;  // logprobs begin with the prompt's
    bool score_only = false;     // max_tokens is 0: the token that was generated is left out
  };
  explicit CompletionWriter(Options options) : options_(std::move(options)) {}

  /// `echoes`: per choice the text of its prompt, "" without echo.
  [[nodiscard]] boost::json::value whole(const std::vector<Completion>& choices, const std::vector<std::string>& echoes,
                                         const Usage& usage) const;

  /// The chunk of a piece of text; "" if there is nothing to send. `offset` is where the piece begins in the choice's
  /// text, in code points, and is advanced.
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

/// Code points of UTF-8 `text`.
[[nodiscard]] std::size_t character_count(std::string_view text);

}  // namespace mnema
