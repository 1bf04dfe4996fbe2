#include "connectors/http/running_call.hpp"

#include <algorithm>
#include <utility>

#include "connectors/base64.hpp"
#include "connectors/http/excerpt.hpp"
#include "connectors/http/path.hpp"
#include "connectors/http/request_check.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::string_view kInDoubtHint =
    "the call may have had its effect; look there before repeating it, or send an idempotency key";

bool is_plain_read(std::string_view method) { return method == "GET" || method == "HEAD" || method == "OPTIONS"; }

}  // namespace

RunningCall::RunningCall(std::shared_ptr<HttpClientShared> shared, HttpCall call, Executor& reply_to,
                         std::function<void(Result<HttpReply>)> done)
    : shared_(std::move(shared)),
      call_(std::move(call)),
      has_effects_(!is_plain_read(call_.method)),
      safe_to_repeat_(is_idempotent(call_.method) || call_.repeatable),
      deadline_(std::min(call_.deadline.value_or(MonotonicTime::max()),
                         shared_->clock.monotonic_now() + shared_->options.total_timeout)),
      reply_to_(reply_to),
      done_(std::move(done)),
      retry_(shared_->upstream.options().retry, safe_to_repeat_, deadline_) {}

std::string RunningCall::what() const {
  return call_.method + " " + target_.origin() + target_.path.substr(0, target_.path.find('?')) + " (upstream '" +
         shared_->upstream.options().name + "')";
}

std::function<void()> RunningCall::if_running(void (RunningCall::*work)()) {
  return [weak = weak_from_this(), work] {
    if (const auto self = weak.lock(); self && !self->finished_) (self.get()->*work)();
  };
}

Status RunningCall::check() const {
  if (!shared_->base.ok()) return shared_->base.error();
  RETURN_IF_ERROR(check_method(call_.method));
  RETURN_IF_ERROR(check_request_target(call_.path));
  for (const HttpHeaders* headers : {&shared_->options.headers, &call_.headers}) {
    for (const auto& [name, value] : *headers) RETURN_IF_ERROR(check_header(name, value));
  }
  RETURN_IF_ERROR(check_header("Content-Type", call_.content_type));
  RETURN_IF_ERROR(check_header("Idempotency-Key", call_.idempotency_key));
  if (call_.method == "HEAD" && !call_.body.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a HEAD call has a body", "leave it out");
  }
  return {};
}

void RunningCall::refuse() {
  finished_ = true;
  Error error = fail(ErrorCode::kCancelled, "a call was cancelled: its client stops");
  error.never_left = true;
  reply_to_.post([done = std::exchange(done_, nullptr), error = std::move(error)] { done(error); });
}

void RunningCall::start() {
  if (shared_->stopped.load(std::memory_order_acquire)) return refuse();
  if (const Status checked = check(); !checked.ok()) return finish(checked.error());
  target_ = *shared_->base;
  if (target_.path.find('?') != std::string::npos) target_.path.resize(target_.path.find('?'));
  while (target_.path.ends_with('/')) target_.path.pop_back();
  target_.path += call_.path;
  shared_->upstream.retry_budget().on_call();
  shared_->add(shared_from_this());
  ask();
}

void RunningCall::ask() {
  waiting_ = shared_->upstream.admit(deadline_, [self = shared_from_this()](Result<Upstream::Ticket> ticket) {
    self->shared_->home.post([self, ticket = std::move(ticket)]() mutable { self->granted(std::move(ticket)); });
  });
}

void RunningCall::granted(Result<Upstream::Ticket> ticket) {
  waiting_ = 0;
  if (finished_) {
    if (ticket.ok()) shared_->upstream.finish(*ticket, Upstream::Outcome::kOurFailure);
    return;
  }
  if (!ticket.ok()) return finish(ticket.error());
  ticket_ = *ticket;
  shared_->upstream.commit_permit(*ticket_, shared_->home, [weak = weak_from_this()](Status status) {
    if (const auto self = weak.lock(); self && !self->finished_) self->permitted(status);
  });
}

void RunningCall::permitted(const Status& status) {
  if (!status.ok()) {
    release(Upstream::Outcome::kOurFailure);
    Error error = status.error();
    error.retryable = true;  // the call has not left; our own disk may get better
    return finish(std::move(error));
  }
  if (ticket_->wait > Duration::zero()) return shared_->home.post_after(ticket_->wait, if_running(&RunningCall::ready));
  ready();
}

void RunningCall::ready() {
  if (!shared_->options.bearer) return leave();
  shared_->get_secret([weak = weak_from_this()](Result<Secret> secret) {
    if (const auto self = weak.lock(); self && !self->finished_) self->have_secret(std::move(secret));
  });
}

void RunningCall::have_secret(Result<Secret> secret) {
  Status usable = secret.ok() ? check_header("Authorization", secret->reveal()) : Status{secret.error()};
  if (!usable.ok()) {
    release(Upstream::Outcome::kOurFailure);
    Error error = usable.error();
    error.message = what() + (shared_->options.basic_user.empty() ? " needs its bearer: " : " needs its password: ") +
                    error.message;
    error.retryable = true;  // the call has not left; the secret may be put there
    return finish(std::move(error));
  }
  secret_ = std::move(*secret);
  leave();
}

void RunningCall::leave() {
  if (shared_->upstream.is_stale(*ticket_, shared_->options.connect_timeout)) {
    release(Upstream::Outcome::kOurFailure);
    tell_unsent();
    return ask();
  }
  if (may_leave_ || !call_.before_leaving) return exchange();
  awaits_leaving_ = true;
  call_.before_leaving([weak = weak_from_this(), shared = shared_](Status status) {
    shared->home.post([weak, status = std::move(status)] {
      if (const auto self = weak.lock(); self && !self->finished_) self->may_leave(status);
    });
  });
}

void RunningCall::may_leave(const Status& status) {
  if (!std::exchange(awaits_leaving_, false)) return;  // it was answered twice
  may_leave_ = status.ok();
  if (status.ok()) return leave();
  release(Upstream::Outcome::kOurFailure);
  finish(status.error());
}

HttpHeaders RunningCall::request_headers() const {
  HttpHeaders headers;
  for (const auto& [name, value] : shared_->options.headers) {
    if (!call_.headers.has(name)) headers.add(name, value);
  }
  for (const auto& [name, value] : call_.headers) headers.add(name, value);
  if (!headers.has("User-Agent")) headers.add("User-Agent", "mnema");
  if (!secret_.empty() && shared_->options.basic_user.empty()) {
    headers.set("Authorization", "Bearer " + std::string(secret_.reveal()));
  } else if (!secret_.empty()) {
    const std::string login = shared_->options.basic_user + ":" + std::string(secret_.reveal());
    headers.set("Authorization", "Basic " + base64_encode(login));
  }
  if (!call_.idempotency_key.empty()) headers.set("Idempotency-Key", call_.idempotency_key);
  if (!call_.body.empty()) headers.set("Content-Type", call_.content_type);
  return headers;
}

void RunningCall::exchange() {
  TransportRequest request;
  request.method = call_.method;
  request.url = target_;
  request.headers = request_headers();
  request.body = call_.body;
  request.connect_timeout = shared_->options.connect_timeout;
  request.idle_timeout = shared_->options.read_timeout;
  request.leave_by = shared_->upstream.leave_by(*ticket_);
  // A kept connection may be closed by the other side in the moment we write; the loss would leave an unsafe call in
  // doubt, so it gets a connection of its own.
  request.fresh_connection = !safe_to_repeat_;
  request.body_bytes_max = shared_->options.response_bytes_max;
  reply_ = {};
  TransportEvents events;
  events.on_head = [self = shared_from_this()](int status, HttpHeaders headers) {
    self->reply_.status = status;
    self->reply_.headers = std::move(headers);
  };
  events.on_body = [self = shared_from_this()](std::string bytes) { self->reply_.body += bytes; };
  events.on_end = [self = shared_from_this()](std::optional<TransportFailure> failure) {
    self->ended(std::move(failure));
  };
  exchange_ = shared_->transport.start(std::move(request), shared_->home, std::move(events));
}

void RunningCall::ended(std::optional<TransportFailure> failure) {
  exchange_.reset();
  const bool left = !failure || failure->left;
  has_left_ = has_left_ || left;
  if (!ending_) return failure ? failed(*failure) : judge();
  // A whole answer that came with the deadline is an answer.
  if (!failure && ending_->code == ErrorCode::kDeadlineExceeded && reply_.status < 300) return judge();
  release(ending_->code == ErrorCode::kDeadlineExceeded ? Upstream::Outcome::kUpstreamFailure
                                                        : Upstream::Outcome::kOurFailure);
  finish(ending(left));
}

void RunningCall::failed(const TransportFailure& failure) {
  using Kind = TransportFailure::Kind;
  const std::string text = what() + ": " + excerpt(failure.text, secret_);
  AttemptFailure attempt{AttemptFailure::Kind::kNotSent, 0, std::nullopt, text};
  switch (failure.kind) {
    case Kind::kUntrusted:
      release(Upstream::Outcome::kUpstreamFailure);
      return finish(fail(ErrorCode::kPermissionDenied, text,
                         "check the certificate and the host name; SSL_CERT_FILE names a CA of your own"));
    case Kind::kTooLarge:
      release(Upstream::Outcome::kSuccess);
      return finish(fail(ErrorCode::kResourceExhausted,
                         what() + " answered with more than " + std::to_string(shared_->options.response_bytes_max) +
                             " bytes, or a head of absurd size",
                         "ask for less"));
    case Kind::kCancelled:
      release(Upstream::Outcome::kOurFailure);
      return finish(fail(ErrorCode::kCancelled, text));
    case Kind::kNoCapacity:
      release(Upstream::Outcome::kOurFailure);
      return retry(attempt);
    case Kind::kNotSent:
      break;
    case Kind::kBroken:
      attempt.kind = AttemptFailure::Kind::kBroken;
      break;
  }
  release(Upstream::Outcome::kUpstreamFailure);
  retry(attempt);
}

void RunningCall::judge() {
  const int status = reply_.status;
  if (status < 300 || (status == 304 && !has_effects_)) {
    release(Upstream::Outcome::kSuccess);
    reply_.attempts = retry_.attempts() + 1;
    return finish(std::move(reply_));
  }
  if (status < 400) return redirected();
  AttemptFailure failure;
  failure.kind = AttemptFailure::Kind::kStatus;
  failure.status = status;
  failure.retry_after = retry_after_of(reply_.headers, shared_->clock.now());
  failure.what = what() + " answered HTTP " + std::to_string(status);
  if (!reply_.body.empty()) failure.what += ": " + excerpt(reply_.body, secret_);
  release(status >= 500 ? Upstream::Outcome::kUpstreamFailure : Upstream::Outcome::kSuccess);
  if (status == 401 && shared_->options.bearer && !secret_read_again_) return read_secret_again(std::move(failure));
  retry(failure);
}

void RunningCall::redirected() {
  release(Upstream::Outcome::kSuccess);
  const int status = reply_.status;
  const std::string_view location = reply_.headers.get("location");
  const bool keeps_call = status == 307 || status == 308;
  const bool is_redirect = keeps_call || status == 301 || status == 302 || status == 303;
  auto refuse = [&](const std::string& why, std::string hint) {
    finish(fail(ErrorCode::kFailedPrecondition,
                what() + " answered HTTP " + std::to_string(status) +
                    (location.empty() ? "" : ", which points to '" + excerpt(location, secret_) + "'") + why,
                std::move(hint)));
  };
  if (!is_redirect || location.empty()) return refuse(": that is no answer of the resource", "check the path");
  if (has_effects_ && !keeps_call) {
    return refuse(": a call with effects does not go there, it would arrive without its body",
                  "use that URL, if it is meant; with 303 the effect may have happened");
  }
  Result<HttpUrl> to = resolve(target_, location);
  if (!to.ok()) return refuse(": " + to.error().message, "report it to whoever runs that API");
  if (to->origin() != target_.origin()) {
    return refuse(": that is another server, which must not get what was meant for this one",
                  "set the base URL to where the service is now, if that is meant");
  }
  if (++redirects_ > shared_->options.redirects_max) return refuse(": it was redirected too often", "check the path");
  target_ = std::move(*to);
  ask();
}

void RunningCall::read_secret_again(AttemptFailure failure) {
  secret_read_again_ = true;
  shared_->blocking.post([self = shared_from_this(), secret = secret_, failure = std::move(failure)] {
    const bool is_new = self->shared_->secrets.refresh_after_refusal(*self->shared_->options.bearer, secret);
    self->shared_->home.post([self, is_new, failure] {
      if (self->finished_) return;
      if (is_new) return self->ask();
      self->retry(failure);
    });
  });
}

void RunningCall::retry(const AttemptFailure& failure) {
  auto next = retry_.after(failure, shared_->clock.monotonic_now(), shared_->random, shared_->upstream.retry_budget());
  if (auto* error = std::get_if<Error>(&next)) return finish(std::move(*error));
  tell_unsent();
  shared_->home.post_after(std::get<RetryState::Wait>(next).delay, if_running(&RunningCall::ask));
}

void RunningCall::tell_unsent() {
  if (!has_left_ && std::exchange(may_leave_, false) && call_.did_not_leave) call_.did_not_leave();
}

void RunningCall::cancel() {
  shared_->home.post([self = shared_from_this()] { self->cut(ErrorCode::kCancelled, "was cancelled"); });
}

void RunningCall::cut(ErrorCode code, const std::string& why) {
  if (finished_ || ending_) return;
  ending_ = Ending{code, why};
  if (exchange_) return exchange_->cancel();
  if (waiting_ != 0) shared_->upstream.leave_queue(waiting_);
  if (ticket_) release(Upstream::Outcome::kOurFailure);
  finish(ending(false));
}

Error RunningCall::ending(bool attempt_left) const {
  Error error = fail(ending_->code, what() + " " + ending_->why);
  const bool in_doubt = attempt_left && !safe_to_repeat_;
  if (in_doubt) error.hint = kInDoubtHint;
  if (ending_->code == ErrorCode::kDeadlineExceeded) {
    if (in_doubt) error.code = ErrorCode::kInDoubt;
    error.retryable = !in_doubt;
  }
  return error;
}

void RunningCall::release(Upstream::Outcome outcome) {
  CHECK(ticket_.has_value(), "a call releases the permit it has");
  const Upstream::Ticket ticket = *std::exchange(ticket_, std::nullopt);
  shared_->upstream.finish(ticket, outcome);
}

void RunningCall::finish(Result<HttpReply> result) {
  CHECK(!finished_ && !ticket_ && !exchange_, "a call finishes once, holding nothing");
  finished_ = true;
  if (!result.ok()) {
    Error error = result.error();
    error.never_left = !has_left_;
    result = std::move(error);
  }
  const auto self = shared_from_this();
  shared_->remove(*this);
  reply_to_.post(
      [done = std::exchange(done_, nullptr), result = std::move(result)]() mutable { done(std::move(result)); });
}

}  // namespace mnema
