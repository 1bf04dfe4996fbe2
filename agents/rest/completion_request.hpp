// agents/rest/completion_request.hpp
//
// POST /v1/completions, read: the older protocol without messages, which takes a prompt as text or token ids and can
// give log-probabilities, the prompt's own too (`echo`). Evaluation harnesses use it.
//
// Threads: pure.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "agents/rest/json_fields.hpp"
#include "inference/request.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

using RawPrompt = std::variant<std::string, std::vector<TokenId>>;

struct ParsedCompletion {
  GenerateRequest generate;        // without its prompt
  std::vector<RawPrompt> prompts;  // each is answered `choices` times
  int choices = 1;
  bool stream = false;
  bool include_usage = false;
  bool echo = false;
  bool score_only = false;       // max_tokens 0: nothing is generated, the prompt is scored
  std::string constraint_param;  // the field that says what shape the answer must have, "" = none
};

[[nodiscard]] Parsed<ParsedCompletion> parse_completion_request(std::string_view body, const Limits& limits,
                                                                const SamplingOptions& sampling_default);

/// `tokens`: an array of token ids. Notes what is wrong.
[[nodiscard]] std::vector<TokenId> read_token_ids(JsonFields& fields, std::string_view name,
                                                  const boost::json::array& tokens);

}  // namespace mnema
