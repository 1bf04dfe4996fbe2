// connectors/http/running_call.hpp
//
// One call of an HttpClient on its way: leave of the upstream, durable permit, wait, secret, `before_leaving`,
// exchange, and again where that is safe. Read running_call.cpp from `start` downwards.
//
// Threads:   confined to the transport's thread, except `cancel`.
// Ownership: owned by HttpClientShared from `start` until it has finished.
// Invariant: it holds a ticket of the upstream at most once, and none when it has finished.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "connectors/http/client.hpp"
#include "connectors/http/client_shared.hpp"
#include "connectors/retry.hpp"

namespace mnema {

class RunningCall final : public HttpClient::Call, public std::enable_shared_from_this<RunningCall> {
 public:
  RunningCall(std::shared_ptr<HttpClientShared> shared, HttpCall call, Executor& reply_to,
              std::function<void(Result<HttpReply>)> done);

  void start();
  /// Instead of `start`, before anybody else has the call, on any thread: its client has stopped.
  void refuse();
  void cancel() override;
  /// Ends the call from outside: at once where nothing is in flight, else when the transport has cut it.
  void cut(ErrorCode code, const std::string& why);
  [[nodiscard]] MonotonicTime deadline() const { return deadline_; }

 private:
  [[nodiscard]] Status check() const;
  void ask();
  void granted(Result<Upstream::Ticket> ticket);
  void permitted(const Status& status);
  void ready();
  void have_secret(Result<Secret> secret);
  void leave();
  void may_leave(const Status& status);
  void exchange();
  void ended(std::optional<TransportFailure> failure);
  void failed(const TransportFailure& failure);
  void judge();
  void redirected();
  void read_secret_again(AttemptFailure failure);
  void retry(const AttemptFailure& failure);
  /// The call waits to try again, and nothing of what was let go has left.
  void tell_unsent();

  /// Runs `work` on the transport's thread, unless the call has finished by then.
  [[nodiscard]] std::function<void()> if_running(void (RunningCall::*work)());
  [[nodiscard]] HttpHeaders request_headers() const;
  [[nodiscard]] std::string what() const;
  [[nodiscard]] Error ending(bool attempt_left) const;
  void release(Upstream::Outcome outcome);
  void finish(Result<HttpReply> result);

  struct Ending {
    ErrorCode code;
    std::string why;
  };

  const std::shared_ptr<HttpClientShared> shared_;
  HttpCall call_;
  const bool has_effects_;     // not GET, HEAD, OPTIONS
  const bool safe_to_repeat_;  // idempotent, or the other side drops repeats
  const MonotonicTime deadline_;
  Executor& reply_to_;
  std::function<void(Result<HttpReply>)> done_;
  RetryState retry_;

  HttpUrl target_;  // of the next attempt
  int redirects_ = 0;
  std::uint64_t waiting_ = 0;  // in the upstream's queue
  std::optional<Upstream::Ticket> ticket_;
  Secret secret_;
  bool secret_read_again_ = false;
  bool may_leave_ = false;                             // `before_leaving` has said so
  bool awaits_leaving_ = false;                        // the answer of `before_leaving`
  std::shared_ptr<HttpTransport::Exchange> exchange_;  // set: in flight
  HttpReply reply_;
  std::optional<Ending> ending_;  // was cut while in flight
  bool has_left_ = false;         // a byte of some attempt
  bool finished_ = false;
};

}  // namespace mnema
