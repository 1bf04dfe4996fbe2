#include "connectors/http/client.hpp"

#include <httplib.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "connectors/http/url.hpp"
#include "runtime/check.hpp"

namespace mnema {
namespace {

constexpr Duration kIdleConnectionMax = std::chrono::seconds(30);
constexpr std::size_t kExcerptBytes = 200;

/// The start of an answer's body for an error text: printable, on one line, without the secret that was sent.
std::string excerpt(std::string body, const Secret& secret) {
  if (!secret.empty()) {
    for (std::size_t at = body.find(secret.reveal()); at != std::string::npos; at = body.find(secret.reveal())) {
      body.replace(at, secret.reveal().size(), "***");
    }
  }
  if (body.size() > kExcerptBytes) {
    std::size_t end = kExcerptBytes;
    while (end > 0 && (static_cast<unsigned char>(body[end]) & 0xC0) == 0x80) --end;  // whole characters only
    body.resize(end);
    body += "...";
  }
  for (char& c : body) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  }
  return body;
}

std::string_view name_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "no connection";
    case httplib::Error::ConnectionTimeout:
      return "no connection in time";
    case httplib::Error::Read:
      return "the answer did not come whole";
    case httplib::Error::Write:
      return "the request could not be sent whole";
    case httplib::Error::SSLConnection:
      return "the TLS handshake failed";
    case httplib::Error::SSLLoadingCerts:
      return "the CA certificates cannot be loaded";
    case httplib::Error::SSLServerVerification:
      return "the server's certificate is not to be trusted";
    case httplib::Error::Canceled:
      return "the call was cut";
    default:
      return "the call failed";
  }
}

/// No byte of the request has left.
bool happened_before_sending(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
    case httplib::Error::BindIPAddress:
    case httplib::Error::SSLConnection:
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return true;
    default:
      return false;
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// A peer that closes early must be an error of one call, not the end of the process: httplib writes without
/// MSG_NOSIGNAL. A handler that the embedding program has set is left alone.
void ignore_broken_pipes() {
  static const bool done = [] {
    struct sigaction current{};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

/// What the calls of one client share: options, and its idle connections.
class HttpClient::Shared {
 public:
  Shared(HttpClientOptions client_options, Upstream& upstream_in, SecretsStore& secrets_in, Executor& blocking_in,
         const Clock& clock_in, Random& random_in)
      : options(std::move(client_options)),
        base(HttpUrl::parse(options.base_url)),
        upstream(upstream_in),
        secrets(secrets_in),
        blocking(blocking_in),
        clock(clock_in),
        random(random_in) {}

  std::unique_ptr<httplib::Client> take_connection(bool fresh);
  void give_back(std::unique_ptr<httplib::Client> connection);

  const HttpClientOptions options;
  const Result<HttpUrl> base;
  Upstream& upstream;
  SecretsStore& secrets;
  Executor& blocking;
  const Clock& clock;
  Random& random;

 private:
  struct Idle {
    std::unique_ptr<httplib::Client> connection;
    MonotonicTime since;
  };
  std::mutex mutex_;
  std::vector<Idle> idle_;  // guarded by mutex_; the newest last
};

std::unique_ptr<httplib::Client> HttpClient::Shared::take_connection(bool fresh) {
  if (!fresh) {
    std::lock_guard lock(mutex_);
    MonotonicTime now = clock.monotonic_now();
    std::erase_if(idle_, [&](const Idle& idle) { return now - idle.since > kIdleConnectionMax; });
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back().connection);
      idle_.pop_back();
      return connection;
    }
  }
  auto connection = std::make_unique<httplib::Client>(base->origin());
  connection->set_keep_alive(true);
  connection->set_tcp_nodelay(true);
  connection->set_follow_location(false);
  connection->set_url_encode(false);  // paths come encoded
  connection->set_connection_timeout(options.connect_timeout);
  if (!options.ca_file.empty()) connection->set_ca_cert_path(options.ca_file.c_str());
  if (options.use_proxy_environment) {
    if (auto proxy = proxy_for(*base, [](const char* name) -> const char* { return std::getenv(name); })) {
      connection->set_proxy(proxy->host, proxy->port);
    }
  }
  return connection;
}

void HttpClient::Shared::give_back(std::unique_ptr<httplib::Client> connection) {
  std::lock_guard lock(mutex_);
  if (idle_.size() >= static_cast<std::size_t>(upstream.options().calls_in_flight_max)) return;
  idle_.push_back(Idle{std::move(connection), clock.monotonic_now()});
}

/// One call: asks for leave, makes its permit durable, waits its time, attempts, and again where that is safe.
class HttpClient::Running final : public HttpClient::Call, public std::enable_shared_from_this<HttpClient::Running> {
 public:
  Running(std::shared_ptr<Shared> shared, HttpCall call, Executor& reply_to,
          std::function<void(Result<HttpReply>)> done)
      : shared_(std::move(shared)),
        call_(std::move(call)),
        safe_to_repeat_(is_idempotent(call_.method) || call_.repeatable),
        deadline_(deadline_of(*shared_, call_)),
        reply_to_(reply_to),
        done_(std::move(done)),
        retry_(shared_->upstream.options().retry, safe_to_repeat_, deadline_) {}

  void start();
  void cancel() override;

 private:
  struct Attempt {
    std::optional<HttpReply> reply;
    std::optional<AttemptFailure> failure;  // exactly one of reply, failure and error is set
    std::optional<Error> error;             // no other attempt can help
    Upstream::Outcome outcome = Upstream::Outcome::kSuccess;
    Secret secret;
  };

  static MonotonicTime deadline_of(const Shared& shared, const HttpCall& call) {
    MonotonicTime own = shared.clock.monotonic_now() + shared.options.total_timeout;
    return call.deadline ? std::min(*call.deadline, own) : own;
  }
  std::string what() const {
    return call_.method + " " + (shared_->base.ok() ? shared_->base->origin() : "") +
           call_.path.substr(0, call_.path.find('?')) + " (upstream '" + shared_->upstream.options().name + "')";
  }

  void ask();
  void granted(Result<Upstream::Ticket> ticket);
  void permitted(const Upstream::Ticket& ticket, const Status& status);
  void attempt(const Upstream::Ticket& ticket);
  Attempt exchange();
  bool exchange_once(httplib::Client& connection, httplib::Request& request, HttpReply& reply, Attempt& attempt);
  Attempt judge(HttpReply reply, const Secret& secret) const;
  void attempt_did_not_leave();
  void after(Attempt attempt);
  void on_deadline();

  bool finished();
  void finish(Result<HttpReply> result);
  /// Ends the call from outside: cuts what is in flight.
  void cut(ErrorCode code, const std::string& why);

  const std::shared_ptr<Shared> shared_;
  HttpCall call_;
  const bool safe_to_repeat_;
  const MonotonicTime deadline_;
  Executor& reply_to_;
  std::function<void(Result<HttpReply>)> done_;
  RetryState retry_;  // one attempt at a time touches it
  bool secret_refreshed_ = false;
  bool may_leave_ = false;  // before_leaving said so

  std::mutex mutex_;  // guards the rest
  bool finished_ = false;
  bool in_flight_ = false;  // bytes of this attempt may have left
  bool has_left_ = false;   // ... of an earlier one
  httplib::Client* active_ = nullptr;
};

bool HttpClient::Running::finished() {
  std::lock_guard lock(mutex_);
  return finished_;
}

void HttpClient::Running::finish(Result<HttpReply> result) {
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    if (!result.ok()) {
      Error error = result.error();
      error.never_left = !has_left_ && !in_flight_;
      result = std::move(error);
    }
  }
  reply_to_.post([self = shared_from_this(), result = std::move(result)]() mutable {
    auto done = std::move(self->done_);
    done(std::move(result));
  });
}

void HttpClient::Running::cut(ErrorCode code, const std::string& why) {
  Error error;
  {
    std::lock_guard lock(mutex_);
    if (finished_) return;
    bool in_doubt = in_flight_ && !safe_to_repeat_;
    error = fail(code, what() + " " + why);
    if (in_doubt) {
      if (code == ErrorCode::kDeadlineExceeded) error.code = ErrorCode::kInDoubt;
      error.hint = "the call may have had its effect; look there before repeating it, or send an idempotency key";
    } else if (code == ErrorCode::kDeadlineExceeded) {
      error.retryable = true;
    }
    if (active_ != nullptr) active_->stop();
  }
  finish(std::move(error));
}

void HttpClient::Running::cancel() { cut(ErrorCode::kCancelled, "was cancelled"); }
void HttpClient::Running::on_deadline() { cut(ErrorCode::kDeadlineExceeded, "was not answered by its deadline"); }

void HttpClient::Running::start() {
  if (!shared_->base.ok()) return finish(shared_->base.error());
  if (!call_.path.empty() && call_.path[0] != '/') {
    return finish(fail(ErrorCode::kInvalidArgument, "the path '" + call_.path + "' of a call does not begin with '/'"));
  }
  shared_->upstream.retry_budget().on_call();
  Duration left = std::max(Duration::zero(), deadline_ - shared_->clock.monotonic_now());
  // Not on the blocking executor: its threads may all wait for what this is to cut.
  reply_to_.post_after(left, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->on_deadline();
  });
  ask();
}

void HttpClient::Running::ask() {
  if (finished()) return;
  shared_->upstream.admit(
      deadline_, [self = shared_from_this()](Result<Upstream::Ticket> ticket) { self->granted(std::move(ticket)); });
}

void HttpClient::Running::granted(Result<Upstream::Ticket> ticket) {
  if (!ticket.ok()) return finish(ticket.error());
  if (finished()) return shared_->upstream.finish(Upstream::Outcome::kOurFailure);
  shared_->upstream.commit_permit(
      *ticket, shared_->blocking,
      [self = shared_from_this(), ticket = *ticket](Status status) { self->permitted(ticket, status); });
}

void HttpClient::Running::permitted(const Upstream::Ticket& ticket, const Status& status) {
  if (!status.ok()) {
    shared_->upstream.finish(Upstream::Outcome::kOurFailure);
    Error error = status.error();
    error.retryable = true;  // the call has not left; our own disk may get better
    return finish(std::move(error));
  }
  auto work = [self = shared_from_this(), ticket] { self->attempt(ticket); };
  if (ticket.wait > Duration::zero()) {
    shared_->blocking.post_after(ticket.wait, std::move(work));
  } else {
    shared_->blocking.post(std::move(work));
  }
}

void HttpClient::Running::attempt(const Upstream::Ticket& ticket) {
  if (finished()) return shared_->upstream.finish(Upstream::Outcome::kOurFailure);
  if (shared_->upstream.is_stale(ticket)) {
    shared_->upstream.finish(Upstream::Outcome::kOurFailure);
    attempt_did_not_leave();
    return ask();
  }
  if (call_.before_leaving && !may_leave_) {
    return call_.before_leaving([self = shared_from_this(), ticket](const Status& status) {
      self->shared_->blocking.post([self, ticket, status] {
        self->may_leave_ = status.ok();
        if (status.ok()) return self->attempt(ticket);
        self->shared_->upstream.finish(Upstream::Outcome::kOurFailure);
        self->finish(status.error());
      });
    });
  }
  Attempt made;
  try {
    made = exchange();
  } catch (const std::exception& exception) {
    made = Attempt{};
    made.error = fail(ErrorCode::kInternal, what() + " failed inside: " + exception.what());
    made.outcome = Upstream::Outcome::kOurFailure;
  }
  {
    std::lock_guard lock(mutex_);
    in_flight_ = false;
    active_ = nullptr;
  }
  shared_->upstream.finish(made.outcome);
  after(std::move(made));
}

void HttpClient::Running::attempt_did_not_leave() {
  {
    std::lock_guard lock(mutex_);
    if (has_left_) return;
  }
  if (std::exchange(may_leave_, false) && call_.did_not_leave) call_.did_not_leave();
}

void HttpClient::Running::after(Attempt made) {
  if (made.reply) {
    made.reply->attempts = retry_.attempts() + 1;
    return finish(std::move(*made.reply));
  }
  if (made.error) return finish(std::move(*made.error));
  if (made.failure->status == 401 && shared_->options.bearer && !secret_refreshed_) {
    secret_refreshed_ = true;
    if (shared_->secrets.refresh_after_refusal(*shared_->options.bearer, made.secret)) return ask();
  }
  auto next =
      retry_.after(*made.failure, shared_->clock.monotonic_now(), shared_->random, shared_->upstream.retry_budget());
  if (auto* error = std::get_if<Error>(&next)) return finish(std::move(*error));
  attempt_did_not_leave();
  shared_->blocking.post_after(std::get<RetryState::Wait>(next).delay, [self = shared_from_this()] { self->ask(); });
}

HttpClient::Running::Attempt HttpClient::Running::exchange() {
  Attempt made;
  if (shared_->options.bearer) {
    Result<Secret> secret = shared_->secrets.get(*shared_->options.bearer);
    if (!secret.ok()) {
      made.error = secret.error();
      made.outcome = Upstream::Outcome::kOurFailure;
      return made;
    }
    made.secret = *secret;
  }
  httplib::Request request;
  request.method = call_.method;
  for (const auto& [name, value] : shared_->options.headers) request.set_header(name, value);
  for (const auto& [name, value] : call_.headers) request.set_header(name, value);
  if (!request.has_header("User-Agent")) request.set_header("User-Agent", "mnema");
  if (!made.secret.empty()) request.set_header("Authorization", "Bearer " + std::string(made.secret.reveal()));
  if (!call_.idempotency_key.empty()) request.set_header("Idempotency-Key", call_.idempotency_key);
  request.body = call_.body;
  if (!call_.body.empty()) request.set_header("Content-Type", call_.content_type);

  HttpUrl url = *shared_->base;
  url.path = (url.path == "/" ? "" : url.path) + call_.path;
  // A kept connection may be closed by the other side in the moment we write; the loss would leave an unsafe call in
  // doubt, so it gets a connection of its own.
  auto connection = shared_->take_connection(!safe_to_repeat_);
  for (int redirects = 0;; ++redirects) {
    request.path = url.path.empty() ? "/" : url.path;
    HttpReply reply;
    if (!exchange_once(*connection, request, reply, made)) return made;
    if (!is_redirect(reply.status) || !reply.headers.has("location")) {
      Secret secret = made.secret;
      shared_->give_back(std::move(connection));
      return judge(std::move(reply), secret);
    }
    Result<HttpUrl> target = resolve(url, reply.headers.get("location"));
    if (!target.ok() || target->origin() != url.origin() || redirects >= shared_->options.redirects_max) {
      made.error = fail(ErrorCode::kPermissionDenied,
                        what() + " was redirected " +
                            (redirects >= shared_->options.redirects_max ? "too often" : "to another server"),
                        "set the base URL to where the service is now, if that is meant");
      return made;
    }
    bool becomes_get = reply.status == 303 || (reply.status < 303 && request.method == "POST");
    if (becomes_get && request.method != "HEAD") {
      request.method = "GET";
      request.body.clear();
      request.headers.erase("Content-Type");
      request.headers.erase("Content-Length");
    }
    url = std::move(*target);
  }
}

/// True: `reply` is whole. False: `made` says why not.
bool HttpClient::Running::exchange_once(httplib::Client& connection, httplib::Request& request, HttpReply& reply,
                                        Attempt& made) {
  Duration left = deadline_ - shared_->clock.monotonic_now();
  {
    std::lock_guard lock(mutex_);
    if (finished_ || left <= Duration::zero()) {
      made.error = fail_retryable(ErrorCode::kDeadlineExceeded, what() + " was not sent before its deadline");
      made.outcome = Upstream::Outcome::kOurFailure;
      return false;
    }
    in_flight_ = true;
    active_ = &connection;
  }
  connection.set_connection_timeout(std::min(shared_->options.connect_timeout, left));
  connection.set_read_timeout(std::min(shared_->options.read_timeout, left));
  connection.set_write_timeout(std::min(shared_->options.read_timeout, left));
  bool too_large = false;
  request.content_receiver = [&](const char* bytes, std::size_t count, std::uint64_t, std::uint64_t) {
    too_large = reply.body.size() + count > static_cast<std::size_t>(shared_->options.response_bytes_max);
    if (too_large || shared_->clock.monotonic_now() >= deadline_ || finished()) return false;
    reply.body.append(bytes, count);
    return true;
  };
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  bool sent = connection.send(request, response, error);
  {
    std::lock_guard lock(mutex_);
    active_ = nullptr;
    if (!happened_before_sending(error)) has_left_ = true;
  }
  if (sent) {
    reply.status = response.status;
    for (const auto& [name, value] : response.headers) reply.headers.add(name, value);
    return true;
  }
  if (too_large) {
    made.error =
        fail(ErrorCode::kResourceExhausted,
             what() + " answered with more than " + std::to_string(shared_->options.response_bytes_max) + " bytes",
             "ask for less");
    return false;
  }
  AttemptFailure failure;
  failure.what = what() + ": " + std::string(name_of(error));
  if (error == httplib::Error::SSLLoadingCerts || error == httplib::Error::SSLServerVerification) {
    made.error = fail(ErrorCode::kPermissionDenied, failure.what,
                      "check the certificate and the host name; SSL_CERT_FILE names a CA of your own");
    made.outcome = Upstream::Outcome::kUpstreamFailure;
    return false;
  }
  failure.kind = happened_before_sending(error) ? AttemptFailure::Kind::kNotSent : AttemptFailure::Kind::kBroken;
  made.failure = std::move(failure);
  made.outcome = Upstream::Outcome::kUpstreamFailure;
  return false;
}

HttpClient::Running::Attempt HttpClient::Running::judge(HttpReply reply, const Secret& secret) const {
  Attempt made;
  made.secret = secret;
  if (reply.status < 400) {
    made.reply = std::move(reply);
    return made;
  }
  AttemptFailure failure;
  failure.kind = AttemptFailure::Kind::kStatus;
  failure.status = reply.status;
  failure.retry_after = retry_after_of(reply.headers, shared_->clock.now());
  failure.what = what() + " answered HTTP " + std::to_string(reply.status);
  if (!reply.body.empty()) failure.what += ": " + excerpt(reply.body, secret);
  made.outcome = reply.status >= 500 ? Upstream::Outcome::kUpstreamFailure : Upstream::Outcome::kSuccess;
  made.failure = std::move(failure);
  return made;
}

HttpClient::HttpClient(HttpClientOptions options, Upstream& upstream, SecretsStore& secrets, Executor& blocking,
                       const Clock& clock, Random& random)
    : shared_(std::make_shared<Shared>(std::move(options), upstream, secrets, blocking, clock, random)) {
  ignore_broken_pipes();
}

HttpClient::~HttpClient() = default;

std::shared_ptr<HttpClient::Call> HttpClient::send(HttpCall call, Executor& reply_to,
                                                   std::function<void(Result<HttpReply>)> done) {
  auto running = std::make_shared<Running>(shared_, std::move(call), reply_to, std::move(done));
  running->start();
  return running;
}

}  // namespace mnema
