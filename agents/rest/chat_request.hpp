// agents/rest/chat_request.hpp
//
// POST /v1/chat/completions, read: from the body's bytes to a GenerateRequest and how its answer shall be written. What
// the protocol has and we do not (images, audio, web search, the old functions) is refused with its `param`, because
// answering as if it had not been asked would be wrong; unknown keys are ignored, because clients send many.
//
// Threads: pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "agents/rest/json_fields.hpp"
#include "inference/request.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

struct ParsedChat {
  GenerateRequest generate;  // model as it was named, "" if it was not; scope left as it is
  int choices = 1;
  bool stream = false;
  bool include_usage = false;
  bool one_tool_call = false;    // parallel_tool_calls: false
  bool sampling_named = false;   // the client chose how to sample
  std::string constraint_param;  // the field that says what shape the answer must have, "" = none
  std::string user;
  boost::json::object metadata;
};

[[nodiscard]] Parsed<ParsedChat> parse_chat_request(std::string_view body, const Limits& limits,
                                                    const SamplingOptions& sampling_default);

/// `messages` and `tools` alone, as /apply-template takes them.
[[nodiscard]] Prompt read_prompt(JsonFields& fields, std::optional<RequestError>& first_error);

}  // namespace mnema
