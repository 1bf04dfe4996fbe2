#include "connectors/http/client_shared.hpp"

#include <algorithm>
#include <utility>

#include "connectors/http/running_call.hpp"
#include "runtime/base/check.hpp"

namespace mnema {

HttpClientShared::HttpClientShared(HttpClientOptions client_options, Upstream& upstream_in, SecretsStore& secrets_in,
                                   HttpTransport& transport_in, Executor& blocking_in, const Clock& clock_in,
                                   Random& random_in)
    : options(std::move(client_options)),
      base(HttpUrl::parse(options.base_url)),
      upstream(upstream_in),
      secrets(secrets_in),
      transport(transport_in),
      home(transport_in.executor()),
      blocking(blocking_in),
      clock(clock_in),
      random(random_in) {}

void HttpClientShared::add(const std::shared_ptr<RunningCall>& call) {
  running_.emplace(call->deadline(), call);
  watch_deadlines();
}

void HttpClientShared::remove(const RunningCall& call) {
  const auto [first, last] = running_.equal_range(call.deadline());
  const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second.get() == &call; });
  if (found != last) running_.erase(found);
}

void HttpClientShared::cancel_all() {
  const auto calls = running_;
  for (const auto& [deadline, call] : calls) call->cut(ErrorCode::kCancelled, "was cancelled: its client stops");
}

void HttpClientShared::watch_deadlines() {
  if (running_.empty() || (!timers_.empty() && *timers_.begin() <= running_.begin()->first)) return;
  const MonotonicTime at = running_.begin()->first;
  timers_.insert(at);
  const Duration left = std::max(Duration::zero(), at - clock.monotonic_now());
  home.post_after(left, [weak = weak_from_this(), at] {
    const auto self = weak.lock();
    if (!self) return;
    self->timers_.erase(at);
    const MonotonicTime now = self->clock.monotonic_now();
    std::vector<std::shared_ptr<RunningCall>> late;
    for (auto next = self->running_.begin(); next != self->running_.end() && next->first <= now; ++next) {
      late.push_back(next->second);
    }
    for (const auto& call : late) call->cut(ErrorCode::kDeadlineExceeded, "was not answered by its deadline");
    self->watch_deadlines();
  });
}

void HttpClientShared::get_secret(std::function<void(Result<Secret>)> done) {
  CHECK(options.bearer.has_value(), "a secret is wanted only where one is named");
  const SecretsStore::Known known = secrets.peek(*options.bearer);
  if (known.due) {
    blocking.post([self = shared_from_this()] { static_cast<void>(self->secrets.get(*self->options.bearer)); });
  }
  if (known.secret) return done(*known.secret);
  waiting_for_secret_.push_back(std::move(done));
  if (waiting_for_secret_.size() > 1) return;
  blocking.post([self = shared_from_this()] {
    Result<Secret> secret = self->secrets.get(*self->options.bearer);
    self->home.post([self, secret = std::move(secret)] {
      for (const auto& waiting : std::exchange(self->waiting_for_secret_, {})) waiting(secret);
    });
  });
}

}  // namespace mnema
