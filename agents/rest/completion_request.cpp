#include "agents/rest/completion_request.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <limits>

#include "agents/rest/sampling_fields.hpp"
#include "agents/rest/structured_output.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr int kTokensDefault = 16;  // the protocol's own

RawPrompt prompt_of(JsonFields& fields, const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_array()) return read_token_ids(fields, "prompt", value.get_array());
  fields.refuse("prompt", "must be a string, an array of token ids, or an array of these");
  return std::string();
}

std::vector<RawPrompt> read_prompts(JsonFields& fields, const Limits& limits) {
  std::vector<RawPrompt> prompts;
  const json::value* value = fields.find("prompt");
  if (value == nullptr) {
    fields.refuse("prompt", "is missing");
    return prompts;
  }
  const json::array* array = value->if_array();
  bool is_one = array == nullptr || (!array->empty() && array->front().is_number());
  if (is_one) {
    prompts.push_back(prompt_of(fields, *value));
    return prompts;
  }
  if (array->empty()) fields.refuse("prompt", "must not be empty");
  if (static_cast<int>(array->size()) > limits.generations_waiting_max) {
    fields.refuse("prompt", "has more than " + std::to_string(limits.generations_waiting_max) + " prompts",
                  "send fewer at a time");
    return prompts;
  }
  for (const json::value& element : *array) prompts.push_back(prompt_of(fields, element));
  return prompts;
}

}  // namespace

std::vector<TokenId> read_token_ids(JsonFields& fields, std::string_view name, const json::array& tokens) {
  std::vector<TokenId> ids;
  ids.reserve(tokens.size());
  for (const json::value& token : tokens) {
    if (!token.is_int64() || token.get_int64() < 0 || token.get_int64() > std::numeric_limits<TokenId>::max()) {
      fields.refuse(name, "must have token ids, which are integers from 0");
      return {};
    }
    ids.push_back(static_cast<TokenId>(token.get_int64()));
  }
  if (ids.empty()) fields.refuse(name, "must have at least one token id");
  return ids;
}

Parsed<ParsedCompletion> parse_completion_request(std::string_view body, const Limits& limits,
                                                  const SamplingOptions& sampling_default) {
  Parsed<json::object> object = parse_body(body, limits, true);
  if (auto* error = std::get_if<RequestError>(&object)) return std::move(*error);
  std::optional<RequestError> first_error;
  JsonFields fields(std::get<json::object>(object), "", first_error);

  ParsedCompletion completion;
  GenerateRequest& request = completion.generate;
  request.model = fields.text("model").value_or("");
  completion.prompts = read_prompts(fields, limits);
  request.sampling = sampling_default;
  read_sampling(fields, request.sampling);
  request.stop = read_stop(fields, limits);
  if (auto logprobs = fields.integer("logprobs", 0, 20)) request.sampling.logprobs_top = static_cast<int>(*logprobs);
  completion.choices = static_cast<int>(fields.integer("n", 1, limits.completion_choices_max).value_or(1));
  if (auto best_of = fields.integer("best_of", 1, 1000); best_of && *best_of != completion.choices) {
    fields.refuse("best_of", "must be absent or equal to n", "", ErrorCode::kUnsupported);
  }
  if (auto suffix = fields.text("suffix"); suffix && !suffix->empty()) {
    fields.refuse("suffix", "is not supported: these models continue, they do not fill in", "",
                  ErrorCode::kUnsupported);
  }
  for (const char* name : {"messages", "tools"}) {
    if (fields.has(name)) {
      fields.refuse(name, "is not read here", "send it to /v1/chat/completions", ErrorCode::kUnsupported);
    }
  }
  completion.echo = fields.boolean("echo").value_or(false);
  bool wants_logprobs = request.sampling.logprobs_top >= 0;
  request.echo_logprobs = completion.echo && wants_logprobs;
  std::int64_t tokens = fields.integer("max_tokens", 0, std::numeric_limits<int>::max()).value_or(kTokensDefault);
  if (tokens == 0) {
    if (!completion.echo) fields.refuse("max_tokens", "can be 0 only with echo", "ask for at least one token");
    completion.score_only = true;
    tokens = 1;  // an engine always generates; the token is left out of the answer
  }
  request.tokens_max = static_cast<int>(tokens);
  request.speculation_tokens_max = read_speculation(fields);
  request.ignore_end_of_sequence = fields.boolean("ignore_eos").value_or(false);
  StructuredOutput output = read_structured_output(fields, first_error);
  request.constraint = std::move(output.constraint);
  completion.constraint_param = std::move(output.param);
  StreamFields stream = read_stream(fields);
  completion.stream = stream.stream;
  completion.include_usage = stream.include_usage;
  if (completion.stream && request.echo_logprobs) {
    fields.refuse("echo", "with logprobs cannot be streamed", "leave out stream", ErrorCode::kUnsupported);
  }
  if (first_error) return std::move(*first_error);
  return completion;
}

}  // namespace mnema
