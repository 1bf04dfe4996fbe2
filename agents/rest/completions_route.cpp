// POST /v1/completions: continues text or token ids; each prompt `n` times.
#include "agents/rest/answer_stream.hpp"
#include "agents/rest/completion_request.hpp"
#include "agents/rest/completion_response.hpp"
#include "agents/rest/logprobs_json.hpp"
#include "agents/rest/rest_api_state.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

/// One answer in the making: `prompts * choices` generations, numbered prompt by prompt. Everything on its strand.
class CompletionAnswer final : public std::enable_shared_from_this<CompletionAnswer> {
 public:
  CompletionAnswer(const RestRequest& request, ParsedCompletion parsed, std::vector<std::string> echoes)
      : api_(request.api),
        exchange_(request.exchange),
        strand_(request.strand),
        parsed_(std::move(parsed)),
        echoes_(std::move(echoes)),
        completions_(echoes_.size()),
        offsets_(echoes_.size(), 0),
        told_(echoes_.size(), false),
        writer_(writer_options(request, parsed_)) {}

  void start(const Identity& identity);

 private:
  static CompletionWriter::Options writer_options(const RestRequest& request, const ParsedCompletion& parsed);
  void on_delta(std::size_t choice, const Delta& delta);
  void on_done(std::size_t choice, Result<Completion> result);
  void all_done();
  [[nodiscard]] Usage usage_of(const std::vector<Completion>& completions) const;
  void fail_with(RequestError error);
  void cancel_all();

  const std::shared_ptr<RestApiState> api_;  // keeps the strand
  const std::shared_ptr<HttpExchange> exchange_;
  Executor& strand_;
  const ParsedCompletion parsed_;
  const std::vector<std::string> echoes_;  // per choice
  std::vector<std::optional<Completion>> completions_;
  std::vector<std::size_t> offsets_;  // per choice: characters told so far
  std::vector<bool> told_;            // per choice: a delta has carried something
  std::vector<std::shared_ptr<Generation>> runs_;
  CompletionWriter writer_;
  std::shared_ptr<AnswerStream> events_;  // if streamed
  std::size_t finished_ = 0;
  bool over_ = false;
};

CompletionWriter::Options CompletionAnswer::writer_options(const RestRequest& request, const ParsedCompletion& parsed) {
  CompletionWriter::Options options;
  options.id = request.api->new_id("cmpl-");
  options.model = parsed.generate.model;
  options.created = request.api->unix_seconds();
  options.logprobs = parsed.generate.sampling.logprobs_top >= 0;
  options.include_usage = parsed.include_usage;
  options.echo_logprobs = parsed.generate.echo_logprobs;
  options.score_only = parsed.score_only;
  return options;
}

void CompletionAnswer::start(const Identity& identity) {
  if (parsed_.stream) {
    auto opening = [weak = weak_from_this()] {
      std::vector<std::string> chunks;
      if (auto self = weak.lock()) {
        for (std::size_t i = 0; i < self->echoes_.size(); ++i) {
          std::string echo = self->writer_.piece(static_cast<int>(i), self->echoes_[i], {}, self->offsets_[i]);
          if (!echo.empty()) chunks.push_back(std::move(echo));
        }
      }
      return chunks;
    };
    events_ = std::make_shared<AnswerStream>(exchange_, strand_, api_->parts.stream_keepalive, std::move(opening));
    events_->start();
  }
  exchange_->on_disconnect([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->strand_.post([self] { self->cancel_all(); });
  });
  for (std::size_t i = 0; i < completions_.size(); ++i) {
    GenerateRequest one = parsed_.generate;
    one.scope.tenant = identity.tenant;
    const RawPrompt& prompt = parsed_.prompts[i / static_cast<std::size_t>(parsed_.choices)];
    if (const auto* text = std::get_if<std::string>(&prompt)) {
      one.prompt.raw_text = *text;
    } else {
      one.prompt.raw_tokens = std::get<std::vector<TokenId>>(prompt);
    }
    if (one.sampling.seed) *one.sampling.seed += i % static_cast<std::size_t>(parsed_.choices);
    GenerationCallbacks callbacks;
    callbacks.on_delta = [self = shared_from_this(), i](Delta delta) { self->on_delta(i, delta); };
    callbacks.on_done = [self = shared_from_this(), i](Result<Completion> result) {
      self->on_done(i, std::move(result));
    };
    runs_.push_back(api_->parts.engine.generate(std::move(one), strand_, std::move(callbacks)));
  }
}

void CompletionAnswer::on_delta(std::size_t choice, const Delta& delta) {
  if (over_ || !parsed_.stream || parsed_.score_only) return;
  std::string chunk = writer_.piece(static_cast<int>(choice), delta.text, delta.logprobs, offsets_[choice]);
  if (chunk.empty()) return;
  told_[choice] = true;
  events_->event(chunk);
}

void CompletionAnswer::on_done(std::size_t choice, Result<Completion> result) {
  if (over_) return;
  if (!result.ok()) {
    if (result.error().code == ErrorCode::kNotFound) return fail_with(model_not_found(parsed_.generate.model));
    return fail_with({result.error(), param_of(result.error(), "prompt", parsed_.constraint_param), ""});
  }
  if (result->finish_reason == FinishReason::kCancelled || result->finish_reason == FinishReason::kFailed) {
    return fail_with(
        {fail_retryable(ErrorCode::kUnavailable, "the answer was cut off by the server", "ask again"), "", ""});
  }
  if (parsed_.stream) {
    if (!told_[choice] && !parsed_.score_only) {
      events_->event(writer_.piece(static_cast<int>(choice), result->text, result->logprobs, offsets_[choice]));
    }
    events_->event(writer_.finish(static_cast<int>(choice), result->finish_reason));
  }
  completions_[choice] = std::move(*result);
  if (++finished_ == completions_.size()) all_done();
}

Usage CompletionAnswer::usage_of(const std::vector<Completion>& completions) const {
  Usage total;
  auto choices = static_cast<std::size_t>(parsed_.choices);
  for (std::size_t i = 0; i < completions.size(); i += choices) {
    Usage one = sum_of({completions.begin() + static_cast<std::ptrdiff_t>(i),
                        completions.begin() + static_cast<std::ptrdiff_t>(i + choices)});
    total.prompt_tokens += one.prompt_tokens;
    total.cached_tokens += one.cached_tokens;
    total.completion_tokens += parsed_.score_only ? 0 : one.completion_tokens;
    total.queued = std::max(total.queued, one.queued);
    total.prefill = std::max(total.prefill, one.prefill);
    total.decode = std::max(total.decode, one.decode);
  }
  return total;
}

void CompletionAnswer::all_done() {
  over_ = true;
  runs_.clear();
  std::vector<Completion> completions;
  for (auto& completion : completions_) completions.push_back(std::move(*completion));
  Usage usage = usage_of(completions);
  if (!parsed_.stream) return exchange_->respond(json_response(200, writer_.whole(completions, echoes_, usage)));
  if (parsed_.include_usage) events_->event(writer_.usage(usage));
  events_->done();
}

void CompletionAnswer::fail_with(RequestError error) {
  cancel_all();
  if (parsed_.stream) return events_->fail(error);
  exchange_->respond(refusal_of(error));
}

void CompletionAnswer::cancel_all() {
  if (over_) return;
  over_ = true;
  for (const auto& run : runs_) {
    if (run) run->cancel();
  }
  runs_.clear();
}

}  // namespace

void completions_route(RestRequest request) {
  const RestApi::Parts& parts = request.api->parts;
  Parsed<ParsedCompletion> result = parse_completion_request(request.http.body, parts.limits, parts.sampling_default);
  if (auto* error = std::get_if<RequestError>(&result)) return request.exchange->respond(refusal_of(*error));
  auto& parsed = std::get<ParsedCompletion>(result);
  Parsed<std::string> model = request.api->engine_model(parsed.generate.model);
  if (auto* error = std::get_if<RequestError>(&model)) return request.exchange->respond(refusal_of(*error));
  parsed.generate.model = std::get<std::string>(model);
  // Every choice begins with its prompt's text if that was asked for; ids are spelled out first.
  std::vector<std::string> echoes;
  for (const RawPrompt& prompt : parsed.prompts) {
    std::string echo;
    if (parsed.echo && std::holds_alternative<std::string>(prompt)) echo = std::get<std::string>(prompt);
    if (parsed.echo && std::holds_alternative<std::vector<TokenId>>(prompt)) {
      auto text = parts.engine.detokenize(parsed.generate.model, std::get<std::vector<TokenId>>(prompt));
      if (!text.ok()) return request.exchange->respond(refusal_of({text.error(), "prompt", ""}));
      echo = to_utf8(*text);
    }
    for (int i = 0; i < parsed.choices; ++i) echoes.push_back(echo);
  }
  auto answer = std::make_shared<CompletionAnswer>(request, std::move(parsed), std::move(echoes));
  answer->start(request.identity);
}

}  // namespace mnema
