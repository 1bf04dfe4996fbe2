// agents/rest/logprobs_json.hpp
//
// Log-probabilities and usage in OpenAI's words.
//
// Threads: pure.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

/// chat: {"content": [{"token", "logprob", "bytes", "top_logprobs"}], "refusal": null}
[[nodiscard]] boost::json::value chat_logprobs(const std::vector<TokenLogprob>& tokens);

/// completions: {"tokens", "token_logprobs", "top_logprobs", "text_offset"}. The first `unscored` tokens have no
/// probability (null): nothing stands before the first token of a prompt. `offset`: characters before the first token.
[[nodiscard]] boost::json::value completion_logprobs(const std::vector<TokenLogprob>& tokens, std::size_t unscored,
                                                     std::size_t offset);

/// prompt_tokens, completion_tokens, total_tokens and their details (cached prompt tokens, reasoning).
[[nodiscard]] boost::json::value usage_json(const Usage& usage);
/// Milliseconds of waiting, prefill and decode; not OpenAI's, but what one wants to know.
[[nodiscard]] boost::json::value timings_json(const Usage& usage);

/// The sum over the choices of one request, whose prompt counts once.
[[nodiscard]] Usage sum_of(const std::vector<Completion>& choices);

}  // namespace mnema
