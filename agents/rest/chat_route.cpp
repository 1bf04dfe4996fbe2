// POST /v1/chat/completions: asks the backend of the named model or agent, once per choice, and writes what comes.
#include <boost/json/serialize.hpp>

#include "agents/rest/answer_stream.hpp"
#include "agents/rest/chat_request.hpp"
#include "agents/rest/chat_response.hpp"
#include "agents/rest/rest_api_state.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// The first of these header fields that is there.
std::string first_of(const HttpHeaders& headers, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (!headers.get(name).empty()) return std::string(headers.get(name));
  }
  return "";
}

ChatRequest chat_request_of(const RestRequest& request, ParsedChat parsed, const std::string& model) {
  ChatRequest chat;
  chat.generate = std::move(parsed.generate);
  chat.generate.model = model;
  chat.identity = request.identity;
  chat.request_id = request.http.id;
  chat.traceparent = std::string(request.http.headers.get("traceparent"));
  chat.sampling_named = parsed.sampling_named;
  if (request.identity.may_assert_user) {
    chat.user_hint = first_of(request.http.headers, {"x-mnema-user", "x-openwebui-user-id"});
    if (chat.user_hint.empty()) chat.user_hint = parsed.user;
    chat.session_hint = first_of(request.http.headers, {"x-mnema-session", "x-openwebui-chat-id"});
    if (const json::value* session = parsed.metadata.if_contains("session_id");
        chat.session_hint.empty() && session != nullptr && session->is_string()) {
      chat.session_hint = std::string(session->get_string());
    }
  }
  chat.generate.scope.tenant = request.identity.tenant;
  chat.generate.scope.user = chat.user_hint;
  chat.generate.scope.session = chat.session_hint;
  chat.metadata = std::move(parsed.metadata);
  chat.headers = request.http.headers;
  for (std::string_view secret : {"authorization", "cookie", "x-api-key"}) chat.headers.remove(secret);
  return chat;
}

/// One answer in the making. Everything on its strand.
class ChatAnswer final : public std::enable_shared_from_this<ChatAnswer> {
 public:
  ChatAnswer(const RestRequest& request, const ParsedChat& parsed, const ServedModel& model)
      : api_(request.api),
        exchange_(request.exchange),
        strand_(request.strand),
        stream_(parsed.stream),
        include_usage_(parsed.include_usage),
        constraint_param_(parsed.constraint_param),
        completions_(static_cast<std::size_t>(parsed.choices)),
        writer_(writer_options(request, parsed, model)) {}

  void start(ChatBackend& backend, const ChatRequest& request);

 private:
  static ChatWriter::Options writer_options(const RestRequest& request, const ParsedChat& parsed,
                                            const ServedModel& model);
  void on_delta(int choice, const Delta& delta);
  void on_done(int choice, Result<Completion> result);
  void all_done();
  void fail_with(RequestError error);
  void cancel_all();

  const std::shared_ptr<RestApiState> api_;  // keeps the strand
  const std::shared_ptr<HttpExchange> exchange_;
  Executor& strand_;
  const bool stream_;
  const bool include_usage_;
  const std::string constraint_param_;
  std::vector<std::optional<Completion>> completions_;
  std::vector<std::shared_ptr<ChatRun>> runs_;
  ChatWriter writer_;
  std::shared_ptr<AnswerStream> events_;  // if streamed
  std::size_t finished_ = 0;
  bool over_ = false;  // failed, or the client has gone
};

ChatWriter::Options ChatAnswer::writer_options(const RestRequest& request, const ParsedChat& parsed,
                                               const ServedModel& model) {
  ChatWriter::Options options;
  options.id = request.api->new_id("chatcmpl-");
  options.model = model.name;
  options.created = request.api->unix_seconds();
  options.choices = parsed.choices;
  options.logprobs = parsed.generate.sampling.logprobs_top >= 0;
  options.include_usage = parsed.include_usage;
  options.one_tool_call = parsed.one_tool_call;
  options.tool_was_named = !parsed.generate.tool_choice_name.empty();
  return options;
}

void ChatAnswer::start(ChatBackend& backend, const ChatRequest& request) {
  if (stream_) {
    auto opening = [weak = weak_from_this()] {
      std::vector<std::string> chunks;
      if (auto self = weak.lock()) {
        for (std::size_t i = 0; i < self->completions_.size(); ++i)
          chunks.push_back(self->writer_.first(static_cast<int>(i)));
      }
      return chunks;
    };
    events_ = std::make_shared<AnswerStream>(exchange_, strand_, api_->parts.stream_keepalive, std::move(opening));
    events_->start();
  }
  // Weak: the connection keeps this callback until the answer is complete, and must not keep the answer.
  exchange_->on_disconnect([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->strand_.post([self] { self->cancel_all(); });
  });
  for (std::size_t i = 0; i < completions_.size(); ++i) {
    ChatRequest one = request;
    if (one.generate.sampling.seed) *one.generate.sampling.seed += i;
    ChatCallbacks callbacks;
    auto choice = static_cast<int>(i);
    callbacks.on_delta = [self = shared_from_this(), choice](Delta delta) { self->on_delta(choice, delta); };
    callbacks.on_done = [self = shared_from_this(), choice](Result<Completion> result) {
      self->on_done(choice, std::move(result));
    };
    runs_.push_back(backend.start_chat(std::move(one), strand_, std::move(callbacks)));
  }
}

void ChatAnswer::on_delta(int choice, const Delta& delta) {
  if (over_ || !stream_) return;
  events_->event(writer_.delta(choice, delta));
}

void ChatAnswer::on_done(int choice, Result<Completion> result) {
  if (over_) return;
  if (!result.ok()) {
    const Error& error = result.error();
    if (error.code == ErrorCode::kNotFound) return fail_with(model_not_found(writer_.model()));
    return fail_with({error, param_of(error, "messages", constraint_param_), ""});
  }
  if (result->finish_reason == FinishReason::kCancelled || result->finish_reason == FinishReason::kFailed) {
    return fail_with(
        {fail_retryable(ErrorCode::kUnavailable, "the answer was cut off by the server", "ask again"), "", ""});
  }
  if (stream_) {
    for (const std::string& chunk : writer_.finish(choice, *result)) events_->event(chunk);
  }
  completions_[static_cast<std::size_t>(choice)] = std::move(*result);
  if (++finished_ == completions_.size()) all_done();
}

void ChatAnswer::all_done() {
  over_ = true;
  runs_.clear();
  std::vector<Completion> completions;
  for (auto& completion : completions_) completions.push_back(std::move(*completion));
  if (!stream_) return exchange_->respond(json_response(200, writer_.whole(completions)));
  if (include_usage_) events_->event(writer_.usage(completions));
  events_->done();
}

void ChatAnswer::fail_with(RequestError error) {
  cancel_all();
  if (stream_) return events_->fail(error);
  exchange_->respond(refusal_of(error));
}

void ChatAnswer::cancel_all() {
  if (over_) return;
  over_ = true;
  for (const auto& run : runs_) {
    if (run) run->cancel();
  }
  runs_.clear();
}

/// The model's own temperature and cuts; what the request names beside them (penalties, seed, bias) stays.
void use_defaults_of(const SamplingOptions& model, SamplingOptions& sampling) {
  sampling.temperature = model.temperature;
  sampling.top_k = model.top_k;
  sampling.top_p = model.top_p;
  sampling.min_p = model.min_p;
  if (sampling.repetition_penalty == SamplingOptions{}.repetition_penalty) {
    sampling.repetition_penalty = model.repetition_penalty;
  }
}

/// What a model does and an agent does not.
std::optional<RequestError> not_for_agents(const ParsedChat& parsed, const std::string& agent) {
  const auto refuse = [&agent](const char* field, const char* why) {
    return RequestError{fail(ErrorCode::kUnsupported, "'" + agent + "' is an agent" + why,
                             std::string("leave out ") + field + ", or ask a model"),
                        field, ""};
  };
  if (parsed.choices > 1) return refuse("n", " and answers once");
  if (!parsed.generate.prompt.tools.empty()) return refuse("tools", " and runs tools of its own");
  if (parsed.generate.sampling.logprobs_top >= 0) return refuse("logprobs", " and shows no log-probabilities");
  return {};
}

}  // namespace

void chat_route(RestRequest request) {
  const RestApi::Parts& parts = request.api->parts;
  Parsed<ParsedChat> result = parse_chat_request(request.http.body, parts.limits, parts.sampling_default);
  if (auto* error = std::get_if<RequestError>(&result)) return request.exchange->respond(refusal_of(*error));
  auto& parsed = std::get<ParsedChat>(result);
  auto found = request.api->find_model(parsed.generate.model);
  if (!found) return request.exchange->respond(refusal_of(model_not_found(parsed.generate.model)));
  if (found->model.is_agent) {
    if (auto error = not_for_agents(parsed, found->model.name)) {
      return request.exchange->respond(refusal_of(*error));
    }
  }
  if (!parsed.sampling_named && found->model.sampling) {
    use_defaults_of(*found->model.sampling, parsed.generate.sampling);
  }
  auto answer = std::make_shared<ChatAnswer>(request, parsed, found->model);
  ChatRequest chat = chat_request_of(request, std::move(parsed), found->model.name);
  answer->start(*found->backend, chat);
}

}  // namespace mnema
