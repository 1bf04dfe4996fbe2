#include "agents/agent_chat.hpp"

#include <algorithm>
#include <mutex>

#include "runtime/base/json.hpp"

namespace mnema {
namespace {

/// A handler may answer without a model (that it found nothing, for instance), and such a text knows no shape. One that
/// a grammar or an expression describes comes from a model alone.
bool has_shape(const std::string& text, const Constraint& shape) {
  if (const auto* choice = std::get_if<ChoiceConstraint>(&shape)) {
    return std::find(choice->choices.begin(), choice->choices.end(), text) != choice->choices.end();
  }
  const bool object = std::holds_alternative<JsonObjectConstraint>(shape);
  if (!object && !std::holds_alternative<JsonSchemaConstraint>(shape)) return true;
  const Result<boost::json::value> json = parse_bounded_json(text, "the answer", kWrittenByUs);
  return json.ok() && (!object || json->is_object());
}

}  // namespace

/// One chat: finding its session, its turn, its answer.
class AgentChat::Run final : public ChatRun, public std::enable_shared_from_this<Run> {
 public:
  Run(AgentRuntime& runtime, const AgentSpec& agent, ChatRequest request, Executor& reply_to, ChatCallbacks callbacks)
      : runtime_(runtime),
        agent_(agent),
        request_(std::move(request)),
        reply_to_(std::make_shared<Strand>(reply_to)),
        callbacks_(std::move(callbacks)) {}

  void start() {
    std::vector<Message>& sent = request_.generate.prompt.messages;
    if (sent.empty() || sent.back().role != Role::kUser) {
      return finish(fail(ErrorCode::kInvalidArgument,
                         "the last message to agent '" + agent_.name + "' must be the user's",
                         "end 'messages' with one of role 'user'"));
    }
    runtime_.services().queries.post([self = shared_from_this()] { self->find_session(); });
  }

  void cancel() override {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    if (turn_) turn_->cancel(gone());
  }

 private:
  static Error gone() { return fail(ErrorCode::kCancelled, "the client has gone"); }

  Scope speaker() const { return {request_.identity.tenant, agent_.name, request_.user_hint, request_.session_hint}; }

  /// What goes wrong inside an agent is not the client's mistake: only what it can act on keeps its code.
  Error for_client(Error error) const {
    switch (error.code) {
      case ErrorCode::kNotFound:
      case ErrorCode::kAlreadyExists:
      case ErrorCode::kPermissionDenied:
      case ErrorCode::kUnauthenticated:
      case ErrorCode::kFailedPrecondition:
        error.code = ErrorCode::kInternal;
        error.message = "agent '" + agent_.name + "' failed: " + error.message;
        return error;
      default:
        return error;
    }
  }

  void find_session() {
    const std::vector<Message>& sent = request_.generate.prompt.messages;
    const std::size_t said = history_length(sent);
    ChatTurn chat;
    std::optional<SessionMemo> memo;
    if (said > 0) {
      const std::string digest = history_digest(speaker(), {sent.begin(), sent.begin() + static_cast<long>(said)});
      auto found = runtime_.runtime().database().read<std::optional<SessionMemo>>(
          [&](Transaction& transaction) { return mnema::find_session(transaction, digest); });
      if (!found.ok()) return finish(found.error());
      memo = std::move(*found);
    }
    const bool known = memo && !memo->laid_out.empty();
    if (known) chat.history = std::move(memo->laid_out);
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (sent[i].role == Role::kSystem) {
        chat.system += (chat.system.empty() ? "" : "\n") + sent[i].text();
      } else if (i + 1 < sent.size() && (!known || i >= said)) {
        chat.history.push_back(sent[i]);
      }
    }
    if (memo) chat.session = memo->session;
    if (memo && !memo->session.empty() && memo->last_episode >= 0) chat.follows = memo->last_episode;
    if (chat.session.empty() && said == 0) chat.session = request_.session_hint;
    if (chat.session.empty()) chat.session = runtime_.services().random.uuid();
    chat.session_is_named = chat.session == request_.session_hint;
    start_turn(std::move(chat));
  }

  void start_turn(ChatTurn chat) {
    auto event = std::make_shared<Event>();
    // Never the client's: an effect is told from its repeat by it, and a proxy may send one id with every request.
    event->id = runtime_.services().random.uuid();
    if (!request_.request_id.empty()) event->attributes["request_id"] = request_.request_id;
    event->source = "rest";
    event->type = "chat.message";
    event->time = runtime_.services().clock.now();
    event->content_type = "text/plain";
    event->data = request_.generate.prompt.messages.back().text();
    event->tenant = request_.identity.tenant;
    event->user = request_.user_hint;
    event->agent = agent_.name;
    event->key = chat.session;
    event->priority = EventPriority::kInteractive;
    event->trust = Trust::kUser;
    event->traceparent = request_.traceparent;

    chat.speaker = speaker();
    chat.sent = request_.generate.prompt.messages;
    chat.sampling = request_.generate.sampling;
    chat.sampling_given = request_.sampling_named;
    chat.constraint = request_.generate.constraint;
    chat.stop = request_.generate.stop;
    chat.tokens_max = request_.generate.tokens_max;
    chat.on_delta = [self = shared_from_this()](Delta delta) {
      self->reply_to_->post([self, delta = std::move(delta)]() mutable {
        if (self->callbacks_.on_delta) self->callbacks_.on_delta(std::move(delta));
      });
    };

    TurnRequest request;
    request.agent = &agent_;
    request.event = std::move(event);
    request.chat = std::move(chat);
    const std::scoped_lock lock(mutex_);
    if (cancelled_) return finish(gone());
    turn_ = runtime_.dispatcher().start_chat(
        std::move(request), [self = shared_from_this()](TurnEnd, Result<Outcome> outcome, const TurnReport& report) {
          self->on_end(std::move(outcome), report);
        });
  }

  void on_end(Result<Outcome> outcome, const TurnReport& report) {
    if (!outcome.ok() && outcome.error().code != ErrorCode::kCancelled) return finish(for_client(outcome.error()));
    Completion completion;
    completion.finish_reason = outcome.ok() ? report.finish_reason : FinishReason::kCancelled;
    if (outcome.ok()) {
      const bool is_cut = completion.finish_reason != FinishReason::kStop || !request_.generate.stop.empty();
      const bool fits = is_cut || has_shape(outcome->text, request_.generate.constraint);
      (fits ? completion.text : completion.refusal) = std::move(outcome->text);
      if (fits) completion.annotations = std::move(outcome->annotations);
    }
    completion.note = report.note;
    completion.usage = report.usage;
    completion.seed = report.seed;
    completion.model = agent_.name;
    finish(std::move(completion));
  }

  void finish(Result<Completion> completion) {
    reply_to_->post([self = shared_from_this(), completion = std::move(completion)]() mutable {
      self->callbacks_.on_done(std::move(completion));
      self->callbacks_ = {};
      const std::scoped_lock lock(self->mutex_);
      self->turn_.reset();
    });
  }

  AgentRuntime& runtime_;
  const AgentSpec& agent_;
  ChatRequest request_;
  const std::shared_ptr<Strand> reply_to_;
  ChatCallbacks callbacks_;
  std::mutex mutex_;  // guards both below
  std::shared_ptr<Turn> turn_;
  bool cancelled_ = false;
};

std::vector<ServedModel> AgentChat::models() const {
  std::vector<ServedModel> models;
  for (const auto& [name, agent] : runtime_.agents()) {
    if (agent.answers_chat) models.push_back({.name = name, .is_agent = true});
  }
  return models;
}

std::shared_ptr<ChatRun> AgentChat::start_chat(ChatRequest request, Executor& reply_to, ChatCallbacks callbacks) {
  const auto agent = runtime_.agents().find(request.generate.model);
  CHECK(agent != runtime_.agents().end() && agent->second.answers_chat, "the API asks only for what models() lists");
  auto run = std::make_shared<Run>(runtime_, agent->second, std::move(request), reply_to, std::move(callbacks));
  run->start();
  return run;
}

}  // namespace mnema
