#include "agents/rest/completion_response.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "agents/rest/logprobs_json.hpp"

namespace mnema {
namespace json = boost::json;

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

json::object CompletionWriter::envelope() const {
  return {{"id", options_.id},
          {"object", "text_completion"},
          {"created", options_.created},
          {"model", options_.model},
          {"system_fingerprint", "mnema"}};
}

json::value CompletionWriter::whole(const std::vector<Completion>& choices, const std::vector<std::string>& echoes,
                                    const Usage& usage) const {
  json::array out;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Completion& choice = choices[i];
    json::value logprobs = nullptr;
    if (options_.logprobs) {
      std::vector<TokenLogprob> tokens = choice.logprobs;
      auto prompt_tokens = static_cast<std::size_t>(options_.echo_logprobs ? choice.usage.prompt_tokens : 0);
      if (options_.score_only) tokens.resize(std::min(tokens.size(), prompt_tokens));
      std::size_t offset = options_.echo_logprobs ? 0 : character_count(echoes[i]);
      logprobs = completion_logprobs(tokens, options_.echo_logprobs ? 1 : 0, offset);
    }
    std::string_view reason = options_.score_only ? name_of(FinishReason::kLength) : name_of(choice.finish_reason);
    out.push_back(json::object{{"text", echoes[i] + (options_.score_only ? "" : choice.text)},
                               {"index", i},
                               {"logprobs", std::move(logprobs)},
                               {"finish_reason", reason},
                               {"seed", static_cast<std::int64_t>(choice.seed)}});
  }
  json::object body = envelope();
  body["choices"] = std::move(out);
  body["usage"] = usage_json(usage);
  body["timings"] = timings_json(usage);
  return body;
}

std::string CompletionWriter::choice_chunk(int choice, std::string_view text, json::value logprobs,
                                           json::value finish_reason) const {
  json::object body = envelope();
  body["choices"] = json::array{json::object{{"text", text},
                                             {"index", choice},
                                             {"logprobs", std::move(logprobs)},
                                             {"finish_reason", std::move(finish_reason)}}};
  if (options_.include_usage) body["usage"] = nullptr;
  return json::serialize(body);
}

std::string CompletionWriter::piece(int choice, std::string_view text, const std::vector<TokenLogprob>& logprobs,
                                    std::size_t& offset) const {
  bool has_logprobs = options_.logprobs && !logprobs.empty();
  if (text.empty() && !has_logprobs) return "";
  json::value scores = has_logprobs ? completion_logprobs(logprobs, 0, offset) : json::value(nullptr);
  offset += character_count(text);
  return choice_chunk(choice, text, std::move(scores), nullptr);
}

std::string CompletionWriter::finish(int choice, FinishReason reason) const {
  return choice_chunk(choice, "", nullptr,
                      json::value(options_.score_only ? name_of(FinishReason::kLength) : name_of(reason)));
}

std::string CompletionWriter::usage(const Usage& usage) const {
  json::object body = envelope();
  body["choices"] = json::array{};
  body["usage"] = usage_json(usage);
  body["timings"] = timings_json(usage);
  return json::serialize(body);
}

}  // namespace mnema
