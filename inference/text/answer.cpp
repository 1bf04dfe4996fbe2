#include "inference/text/answer.hpp"

#include <utility>

#include "runtime/base/log.hpp"

namespace mnema {

void Answer::cancel() {
  if (!cancelled->exchange(true)) wake();
}

void Answer::send(Delta delta) {
  completion.text += delta.text;
  completion.reasoning += delta.reasoning;
  completion.logprobs.insert(completion.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
  const bool empty =
      delta.text.empty() && delta.reasoning.empty() && delta.tool_calls.empty() && delta.logprobs.empty();
  if (empty || !callbacks.on_delta) return;
  reply_to->post([tell = callbacks.on_delta, delta = std::move(delta)] { tell(delta); });
}

void Answer::finish(Result<Completion> result) {
  if (over) return;
  over = true;
  // Who asked may hold this answer, and its callbacks may hold who asked: from here on neither keeps the other.
  GenerationCallbacks told = std::exchange(callbacks, {});
  reply_to->post([tell = std::move(told.on_done), result = std::move(result)] { tell(result); });
}

bool Answer::take(const ChosenToken& token) {
  Delta delta;
  std::optional<TokenLogprob> logprob;
  if (request.sampling.logprobs_top >= 0) logprob = logprob_of(token);
  const bool goes_on = output->push(token.id, std::move(logprob), delta);
  if (!delta.reasoning.empty()) ++completion.usage.reasoning_tokens;
  send(std::move(delta));
  if (repetition && output->in_tool_call()) {
    repetition->reset();
  } else if (repetition && goes_on) {
    is_loop = repetition->push(token.id);
  }
  return goes_on && !is_loop;
}

void Answer::complete(FinishReason reason, const Usage& usage) {
  Delta rest;
  output->finish(rest, reason != FinishReason::kStop || is_loop);
  send(std::move(rest));
  const int reasoning = completion.usage.reasoning_tokens;
  completion.usage = usage;
  completion.usage.reasoning_tokens = reasoning;
  completion.tool_calls = output->calls();
  completion.finish_reason =
      reason == FinishReason::kStop && !completion.tool_calls.empty() ? FinishReason::kToolCalls : reason;
  if (is_loop && reason == FinishReason::kStop) {
    completion.finish_reason = FinishReason::kLength;
    completion.note = "ended because the model repeated itself";
    log_warning("engine", "an answer was ended because the model repeated itself",
                {{"model", completion.model}, {"tokens", usage.completion_tokens}});
  }
  finish(completion);
}

TokenLogprob Answer::logprob_of(const ChosenToken& token) const {
  const auto entry = [this](TokenId id, float logprob) {
    TokenLogprob made;
    made.id = id;
    made.logprob = logprob;
    if (const Result<std::string> bytes = tokenizer->decode_token(id, true); bytes.ok()) made.bytes = *bytes;
    return made;
  };
  TokenLogprob out = entry(token.id, token.logprob);
  for (const auto& [id, logprob] : token.top) out.top.push_back(entry(id, logprob));
  return out;
}

}  // namespace mnema
