#include "agents/turn/turn.hpp"

#include <algorithm>

#include "agents/turn/client_task.hpp"
#include "agents/turn/decoded.hpp"
#include "agents/turn/event_text.hpp"
#include "agents/turn/memory_reach.hpp"
#include "agents/turn/turn_version.hpp"
#include "agents/turn/user_reply.hpp"
#include "memory/store.hpp"
#include "runtime/base/backoff.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/runtime.hpp"

namespace mnema {
namespace {

/// Trying again gives the same failure: a person must look.
bool is_hopeless(const Error& error) {
  if (is_outage(error)) return false;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kCorrupt:
    case ErrorCode::kUnsupported:
    case ErrorCode::kContextLengthExceeded:
    case ErrorCode::kBudgetExceeded:
    case ErrorCode::kInDoubt:
    case ErrorCode::kSchemaDrift:
      return !error.retryable;
    default:
      return false;
  }
}

/// How often the event was dispatched, uncounted tries included.
int tries_of(const Delivery& delivery) { return delivery.tries(); }

Time retry_time(const Limits& limits, int tries, const Error& error, Time now, Random& random) {
  const Duration base = std::chrono::milliseconds(limits.turn_backoff_base_ms);
  const Duration cap = std::chrono::milliseconds(limits.turn_backoff_cap_ms);
  const Duration drawn = std::max(base / 2, jittered_backoff(base, cap, tries + 1, random));
  return now + at_least_as_asked(drawn, error.retry_after_ms, limits.retry_after_max_ms);
}

/// What an exception out of a handler says.
Error error_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::exception& other) {
    return fail(ErrorCode::kInternal, std::string("the handler threw: ") + other.what());
  } catch (...) {
    return fail(ErrorCode::kInternal, "the handler threw something that is no std::exception");
  }
}

/// `name` as one part of a path.
std::string path_part(const std::string& name) {
  std::string part;
  for (const char c : name) {
    if (c == '/') {
      part += "%2F";
    } else if (c == '%') {
      part += "%25";
    } else {
      part += c;
    }
  }
  return part;
}

TurnIdentity identity_of(const TurnRequest& request) {
  return turn_identity(request.delivery.sequence(), *request.event, request.agent->code_version,
                       request.delivery.generation());
}

Scope scope_of(const TurnRequest& request) {
  const Event& event = *request.event;
  Scope scope{event.tenant, request.agent->name, event.user, event.key};
  for (const auto& other : request.batch) {
    if (other->user != event.user) scope.user.clear();  // of several users no one's memory is read or written
  }
  if (request.chat) scope.session = request.chat->session;
  return scope;
}

/// What a turn is about: in a chat all that the user has said, the present message last.
std::vector<std::string> task_texts_of(const TurnRequest& request) {
  std::vector<std::string> texts;
  if (request.chat) {
    for (const Message& message : request.chat->sent) {
      if (message.role == Role::kUser) texts.push_back(message.text());
    }
  }
  if (!texts.empty()) return texts;
  texts.push_back(text_of(*request.event));
  for (const auto& event : request.batch) texts.back() += "\n\n" + text_of(*event);
  return texts;
}

/// What the agent said before the present message of a chat. Empty: nothing.
std::string last_answer_of(const TurnRequest& request) {
  if (!request.chat) return {};
  const std::vector<Message>& sent = request.chat->sent;
  const auto last =
      std::find_if(sent.rbegin(), sent.rend(), [](const Message& m) { return m.role == Role::kAssistant; });
  return last == sent.rend() ? std::string() : last->text();
}

/// What arguments may be taken from: also what the words of an event leave out of its payload.
std::vector<std::string> given_texts_of(const TurnRequest& request) {
  std::vector<std::string> texts = task_texts_of(request);
  texts.push_back(request.event->data);
  for (const auto& event : request.batch) texts.push_back(event->data);
  texts.push_back(request.event->key);
  return texts;
}

}  // namespace

bool is_outage(const Error& error) {
  return error.never_left && error.code != ErrorCode::kInvalidArgument && error.code != ErrorCode::kUnsupported;
}

std::string_view name_of(TurnEnd end) {
  switch (end) {
    case TurnEnd::kDone:
      return "done";
    case TurnEnd::kRetried:
      return "retried";
    case TurnEnd::kDead:
      return "dead";
    case TurnEnd::kReleased:
      return "released";
    case TurnEnd::kCancelled:
      return "cancelled";
    case TurnEnd::kFailed:
      return "failed";
    case TurnEnd::kLost:
      return "lost";
    case TurnEnd::kParked:
      return "parked";
  }
  return "?";
}

Turn::Turn(const TurnServices& services, TurnRequest request, OnEnd on_end)
    : services_(services),
      request_(std::move(request)),
      on_end_(std::move(on_end)),
      strand_(std::make_shared<Strand>(services.turns)),
      scope_(scope_of(request_)),
      trust_(request_.event->trust),
      is_client_task_(request_.chat && mnema::is_client_task(request_.event->data, services.task_headers)) {
  for (const auto& event : request_.batch) saw(event->trust);
}

Turn::~Turn() = default;

void Turn::start() {
  strand_->post([self = shared_from_this()] {
    if (self->ended_) return;
    const Event& event = self->event();
    BudgetLimits limits = self->agent().budget;
    if (!limits.identical_calls) limits.identical_calls = self->services_.limits.identical_calls_max;
    self->budget_ =
        Budget::create(event.tenant + "/" + self->agent().name + "/" + event.key, limits, self->services_.clock);
    if (self->request_.delivery && !self->request_.delivery.has_no_journal()) return self->load_journal();
    TurnRecord record;
    record.identity = identity_of(self->request_);
    record.identity.agent = self->agent().name;
    self->load_state(std::move(record));
  });
}

void Turn::load_journal() {
  services_.runtime.journal().load(identity_of(request_), *strand_,
                                   [self = shared_from_this(), strand = strand_](Result<TurnRecord> record) {
                                     if (self->ended_) return;
                                     if (!record.ok()) return self->finish_failed(record.error());
                                     self->judge_journal(std::move(*record));
                                   });
}

void Turn::judge_journal(TurnRecord record) {
  const VersionDecision decision = judge_version(record, agent());
  switch (decision.verdict) {
    case VersionVerdict::kGoOn:
      return load_state(std::move(record));
    case VersionVerdict::kPark:
      return park(decision.why);
    case VersionVerdict::kDeadLetter:
      return finish_failed(decision.why);
    case VersionVerdict::kRestart:
      break;
  }
  services_.runtime.journal().restart(identity_of(request_), *strand_,
                                      [self = shared_from_this(), strand = strand_](Result<TurnRecord> begun) {
                                        if (self->ended_) return;
                                        if (!begun.ok()) return self->finish_failed(begun.error());
                                        self->load_state(std::move(*begun));
                                      });
}

void Turn::load_state(TurnRecord record) {
  if (agent().state.version == 0) return run(std::move(record), std::optional<StoredState>());
  // Here and not on `queries`: it takes microseconds, and two changes of thread would take more.
  auto stored = services_.runtime.database().read<std::optional<StoredState>>(
      [&](Transaction& transaction) { return find_state(transaction, scope_.tenant, scope_.agent, event().key); });
  run(std::move(record), std::move(stored));
}

void Turn::run(TurnRecord record, Result<std::optional<StoredState>> stored) {
  if (!stored.ok()) return finish_failed(stored.error());
  if (agent().state.version != 0) {
    Status made;
    try {
      made = make_state(*stored);
    } catch (...) {
      return finish_failed(error_of(std::current_exception()));
    }
    if (!made.ok()) return park(made.error());
  }
  report_.wake = services_.clock.now() - (request_.delivery ? request_.delivery.accepted_at() : event().time);
  steps_ = std::make_unique<TurnSteps>(
      std::move(record),
      TurnSteps::Parts{request_.delivery ? &services_.runtime.journal() : nullptr, strand_, services_.limits,
                       services_.observer, [this](std::coroutine_handle<> frame) { resume(frame); }});
  context_ = std::make_unique<Ctx>(*this);
  try {
    root_.emplace(agent().handler(*context_, event()));  // a handler that is no coroutine does all its work here
  } catch (...) {
    return finish_failed(error_of(std::current_exception()));
  }
  root_->start(trampoline_);
  after_frames();
}

/// Errors: "needs_version". Throws what a migration throws.
Status Turn::make_state(const std::optional<StoredState>& stored) {
  const StateType& type = agent().state;
  if (!stored) {
    state_ = type.fresh();
    return {};
  }
  state_revision_ = stored->revision;
  Result<std::shared_ptr<void>> state = type.load(stored->version, stored->json);
  if (!state.ok()) {
    Error why = state.error();
    why.message += " (agent '" + scope_.agent + "', key '" + event().key + "')";
    return why;
  }
  state_ = std::move(*state);
  return {};
}

void Turn::resume(std::coroutine_handle<> frame) {
  trampoline_.run(frame);
  after_frames();
}

void Turn::after_frames() {
  if (ended_ || !root_->done()) return;
  Result<Outcome> outcome = Error{};
  try {
    outcome = root_->take();
  } catch (...) {
    outcome = error_of(std::current_exception());
  }
  if (steps_->fatal()) outcome = *steps_->fatal();
  report_.steps_replayed = steps_->replayed();
  if (outcome.ok()) return commit(std::move(*outcome));
  finish_failed(outcome.error());
}

std::string Turn::thread() const {
  return path_part(scope_.tenant) + "/" + path_part(scope_.agent) + "/" + scope_.session;
}

TaskTrace& Turn::trace() {
  if (!trace_) trace_ = std::make_unique<TaskTrace>(given_texts_of(request_));
  return *trace_;
}

ProcedureQuery Turn::procedure_query() const {
  ProcedureQuery query;
  query.owner = asker_of(scope_);
  query.event_type = event().type;
  query.trust = trust_;
  if (!says_no_task()) query.text = task_texts_of(request_).back();
  return query;
}

bool Turn::says_no_task() const { return chat() != nullptr && is_answer(event().data, last_answer_of(request_)); }

void Turn::note_asked(Trust trust, ProcedureId shown) {
  asked_with_tools_ = true;
  if (!trace_) asked_with_ = weakest(asked_with_, trust);
  if (shown != 0) procedure_ = shown;
}

TaskRun Turn::task_run(std::string failed_because) const {
  TaskRun run;
  run.owner = asker_of(scope_);
  run.thread = thread();
  run.event_type = event().type;
  run.text = task_texts_of(request_).back();
  run.time = services_.clock.now();
  run.trust = asked_with_;
  if (trace_) {
    run.calls = trace_->calls();
    if (!says_no_task()) run.steps = trace_->steps();
  }
  run.succeeded = failed_because.empty();
  run.because = std::move(failed_because);
  run.procedure = procedure_;
  return run;
}

/// What failed for want of another side or of a place, was stopped, or lost against another change, says nothing of how
/// the task was done.
void Turn::note_failed_run(const Error& error) {
  const bool says_nothing = is_outage(error) || error.code == ErrorCode::kCancelled ||
                            error.code == ErrorCode::kDeadlineExceeded || error.code == ErrorCode::kUnavailable ||
                            error.code == ErrorCode::kStorage || error.code == ErrorCode::kAborted ||
                            error.code == ErrorCode::kResourceExhausted;
  if (!asked_with_tools_ || says_nothing || is_client_task_ || !agent().learns_procedures) return;
  services_.memory.note_failed_run(task_run("the turn failed: " + std::string(name_of(error.code))));
}

void Turn::tear_down() {
  stop_handler();
  if (steps_) steps_->abandon();
}

void Turn::stop_handler() {
  root_.reset();
  context_.reset();
  if (generation_) generation_->cancel();
  generation_.reset();
  for (const auto& stop : std::exchange(stops_, {})) stop();
}

void* Turn::state(std::type_index type) {
  if (agent().state.version == 0 || agent().state.type != type) {
    throw Failure(fail(ErrorCode::kUnsupported, "agent '" + agent().name + "' was not declared with this state type",
                       "add .state<T>() where the agent is declared"));
  }
  return state_.get();
}

void Turn::stream_delta(Delta delta) {
  if (ended_) return;
  delta.tool_calls.clear();  // ours to run, not the client's
  if (delta.text.empty() && delta.reasoning.empty() && delta.logprobs.empty()) return;
  if (part_begin_ > 0 && part_begin_ == streamed_.size() && !delta.text.empty()) {
    delta.text = "\n\n" + delta.text;  // a new paragraph after what was said before a tool
    part_begin_ += 2;
  }
  streamed_ += delta.text;
  request_.chat->on_delta(std::move(delta));
}

TurnSteps::Operation Turn::generate(const std::string& path, GenerateRequest request, bool stream,
                                    std::shared_ptr<CitationCheck> check) {
  return steps_->external(
      path, [this, request = std::move(request), stream, check = std::move(check)](TurnSteps::Finish finish) mutable {
        GenerationCallbacks callbacks;
        std::function<void()> stream_end;
        if (stream && chat() && chat()->on_delta) {
          part_begin_ = streamed_.size();
          callbacks.on_delta = [self = shared_from_this(), check](Delta delta) {
            if (check) delta.text = check->push(delta.text);
            self->stream_delta(std::move(delta));
          };
          if (check) {
            stream_end = [self = shared_from_this(), check] {
              Delta rest;
              rest.text = check->finish();
              self->stream_delta(std::move(rest));
            };
          }
        }
        callbacks.on_done = [self = shared_from_this(), finish = std::move(finish),
                             stream_end = std::move(stream_end)](Result<Completion> completion) {
          self->generation_.reset();
          if (stream_end && completion.ok() && completion->finish_reason != FinishReason::kCancelled) stream_end();
          if (!completion.ok()) return finish(completion.error());
          if (completion->finish_reason == FinishReason::kCancelled) {
            return finish(fail_retryable(ErrorCode::kCancelled, "the generation was cancelled"));
          }
          finish(boost::json::serialize(to_json(decoded_of(*completion))));
        };
        generation_ = services_.engine.generate(std::move(request), *strand_, std::move(callbacks));
      });
}

void Turn::commit(Outcome outcome) {
  const ChatTurn* chat_turn = chat();
  if (state_) {
    StoredState written{agent().state.version, {}, state_revision_, std::nullopt};
    try {
      written.json = agent().state.save(state_.get());
    } catch (...) {
      return finish_failed(error_of(std::current_exception()));
    }
    if (chat_turn && !chat_turn->session_is_named) {
      written.expires_at = services_.clock.now() + std::chrono::hours(services_.limits.anonymous_state_retention_hours);
    }
    writes_.state = std::move(written);
  }
  committing_ = true;
  if (chat_turn) {
    stream_rest_of(outcome.text);
    if (streamed_.size() > outcome.text.size()) {  // what was said before a tool stands before it
      const int before = characters_in(std::string_view(streamed_).substr(0, streamed_.size() - outcome.text.size()));
      for (UrlCitation& annotation : outcome.annotations) {
        annotation.start += before;
        annotation.end += before;
      }
    }
    outcome.text = streamed_;
    std::vector<Message> said = chat_turn->sent;
    said.push_back(message_of(Role::kAssistant, outcome.text));
    SessionMemo memo{chat_turn->session, chat_turn->history};
    if (laid_out_.empty()) laid_out_.assign(said.end() - 2, said.end());
    memo.laid_out.insert(memo.laid_out.end(), laid_out_.begin(), laid_out_.end());
    if (!is_client_task_) {
      writes_.session =
          TurnWrites::Session{history_digest(chat_turn->speaker, said), std::move(memo), thread(), chat_turn->follows};
    }
  }
  if (asked_with_tools_ && agent().learns_procedures && !is_client_task_) {
    std::string because = failed_because_;
    const std::string unresolved = trace_ ? trace_->unresolved() : "";
    if (because.empty() && !unresolved.empty()) because = "the last call of " + unresolved + " failed";
    if (because.empty() && report_.finish_reason != FinishReason::kStop) because = "the answer was cut off";
    writes_.run = task_run(std::move(because));
    writes_.corrects_last_run = chat_turn != nullptr && is_correction(event().data, last_answer_of(request_));
    writes_.thread = thread();
  }
  tear_down();
  services_.runtime.database().write<bool>(
      WritePriority::kForeground,
      [self = shared_from_this()](Transaction& transaction) -> Result<bool> {
        RETURN_IF_ERROR(commit_turn(transaction, self->services_, self->scope_, self->event().key, self->writes_,
                                    self->request_.delivery));
        return true;
      },
      *strand_,
      [self = shared_from_this(), strand = strand_, outcome = std::move(outcome)](const Result<bool>& committed) {
        self->committing_ = false;
        if (committed.ok()) return self->end(TurnEnd::kDone, outcome);
        const Error& error = committed.error();
        if (error.code == ErrorCode::kAborted && !error.retryable) return self->end(TurnEnd::kLost, error);
        self->forget_block_reads();
        self->finish_failed(error);
      });
}

/// The client's answer is what was streamed and the rest of the outcome, which begins with all of it or with the last
/// decode's part. An outcome that begins otherwise follows whole.
void Turn::stream_rest_of(const std::string& answer) {
  const std::string part = streamed_.substr(part_begin_);
  std::string rest = answer.starts_with(streamed_)               ? answer.substr(streamed_.size())
                     : !part.empty() && answer.starts_with(part) ? answer.substr(part.size())
                                                                 : "\n\n" + answer;
  if (rest.empty()) return;
  streamed_ += rest;
  if (!chat()->on_delta) return;
  Delta delta;
  delta.text = std::move(rest);
  request_.chat->on_delta(std::move(delta));
}

void Turn::finish_failed(const Error& error) {
  const std::string failed_path = steps_ ? steps_->failed_path() : "";
  tear_down();
  if (!request_.delivery) return end(TurnEnd::kFailed, error);
  if (is_hopeless(error)) return dead_letter(error);
  // The step that failed is done anew at the next attempt; all that went well before it is not.
  if (!failed_path.empty()) {
    services_.runtime.journal().forget_step(request_.delivery.sequence(), failed_path, *strand_,
                                            [strand = strand_](const Status&) {});
  }
  const Time retry_at =
      retry_time(services_.limits, tries_of(request_.delivery), error, services_.clock.now(), services_.random);
  services_.runtime.mailbox().retry(
      std::move(request_.delivery), retry_at, error, *strand_,
      [self = shared_from_this(), strand = strand_, error](const Result<RetryVerdict>& verdict) {
        if (!verdict.ok()) return self->end_unsettled(verdict.error(), error);
        self->end(*verdict == RetryVerdict::kDead ? TurnEnd::kDead : TurnEnd::kRetried, error);
      });
}

/// What the blocks said may be why the commit failed: the next attempt reads them again.
void Turn::forget_block_reads() {
  if (!request_.delivery) return;
  for (const std::string& path : std::exchange(block_reads_, {})) {
    services_.runtime.journal().forget_step(request_.delivery.sequence(), path, *strand_,
                                            [strand = strand_](const Status&) {});
  }
}

void Turn::dead_letter(const Error& error) {
  services_.runtime.mailbox().dead_letter(std::move(request_.delivery), error, *strand_,
                                          [self = shared_from_this(), strand = strand_, error](const Status& status) {
                                            if (!status.ok()) return self->end_unsettled(status.error(), error);
                                            self->end(TurnEnd::kDead, error);
                                          });
}

void Turn::park(const Error& why) {
  tear_down();
  if (!request_.delivery) return end(TurnEnd::kFailed, why);
  log_warning("turn", "an event waits for another version of its agent; its key waits with it",
              {{"tenant", event().tenant},
               {"agent", agent().name},
               {"key", event().key},
               {"sequence", request_.delivery.sequence()},
               {"error", why.text()}});
  services_.runtime.mailbox().park(std::move(request_.delivery), std::nullopt, *strand_,
                                   [self = shared_from_this(), strand = strand_, why](const Status& status) {
                                     if (!status.ok()) return self->end_unsettled(status.error(), why);
                                     self->end(TurnEnd::kParked, why);
                                   });
}

void Turn::end_unsettled(const Error& unwritten, const Error& error) {
  log_error("turn", "could not record how a turn ended; its event comes again after its lease",
            {{"agent", agent().name}, {"error", unwritten.text()}});
  end(TurnEnd::kLost, error);
}

void Turn::cancel(Error why) {
  stop_then([this, why = std::move(why)] { release(why); });
}

void Turn::expire() {
  stop_then([this] {
    if (ended_ || !request_.delivery) return;
    dead_letter(deadline_passed(request_.delivery.deadline().value_or(services_.clock.now()), true));
  });
}

void Turn::stop_then(std::function<void()> settle) {
  strand_->post([self = shared_from_this(), settle = std::move(settle)] {
    // A commit that is on its way happens; its answer is true.
    if (self->ended_ || self->committing_ || self->cancelling_) return;
    self->cancelling_ = true;
    self->stop_handler();
    if (!self->steps_) return settle();
    self->steps_->stop([self, settle] { settle(); });
  });
}

void Turn::release(const Error& why) {
  if (ended_) return;
  if (!request_.delivery) return end(TurnEnd::kCancelled, why);
  services_.runtime.mailbox().release(std::move(request_.delivery));
  end(TurnEnd::kReleased, why);
}

void Turn::abandon() {
  ended_ = true;
  tear_down();
  on_end_ = nullptr;
  if (request_.chat) request_.chat->on_delta = nullptr;
}

void Turn::end(TurnEnd how, Result<Outcome> outcome) {
  if (ended_) return;
  ended_ = true;
  if ((how == TurnEnd::kDead || how == TurnEnd::kFailed) && !outcome.ok()) note_failed_run(outcome.error());
  if (request_.chat) request_.chat->on_delta = nullptr;  // whoever listens holds the turn
  std::exchange(on_end_, nullptr)(how, std::move(outcome), report_);
}

}  // namespace mnema
