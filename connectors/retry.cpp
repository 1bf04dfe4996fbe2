#include "connectors/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "connectors/http/date.hpp"
#include "runtime/base/backoff.hpp"

namespace mnema {
namespace {

std::optional<double> number(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0) || value > 1e9) return std::nullopt;
  return value;
}

Duration from_ms(double milliseconds) { return Duration{static_cast<long long>(milliseconds * 1000)}; }
long to_ms(Duration duration) { return static_cast<long>((duration.count() + 999) / 1000); }

/// The other side has told, or cannot but imply, that it did not work on the call.
bool proves_untouched(const AttemptFailure& failure) {
  switch (failure.kind) {
    case AttemptFailure::Kind::kNotSent:
      return true;
    case AttemptFailure::Kind::kBroken:
      return false;
    case AttemptFailure::Kind::kStatus:
      return failure.status == 408 || failure.status == 425 || failure.status == 429 ||
             (failure.status == 503 && failure.retry_after.has_value());
  }
  return false;
}

/// The same call may succeed later.
bool is_transient(const AttemptFailure& failure) {
  if (failure.kind != AttemptFailure::Kind::kStatus) return true;
  constexpr std::array<int, 8> kTransient = {408, 409, 425, 429, 500, 502, 503, 504};
  return std::find(kTransient.begin(), kTransient.end(), failure.status) != kTransient.end();
}

ErrorCode code_of(const AttemptFailure& failure) {
  if (failure.kind != AttemptFailure::Kind::kStatus) return ErrorCode::kUnavailable;
  switch (failure.status) {
    case 401:
      return ErrorCode::kUnauthenticated;
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
    case 410:
      return ErrorCode::kNotFound;
    case 408:
    case 504:
      return ErrorCode::kDeadlineExceeded;
    case 409:
      return ErrorCode::kAborted;
    case 429:
      return ErrorCode::kResourceExhausted;
    case 501:
    case 505:
      return ErrorCode::kUnsupported;
    default:
      return failure.status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument;
  }
}

}  // namespace

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kIdempotent = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"};
  return std::find(kIdempotent.begin(), kIdempotent.end(), method) != kIdempotent.end();
}

std::optional<Duration> retry_after_of(const HttpHeaders& headers, Time now) {
  if (auto milliseconds = number(headers.get("retry-after-ms"))) return from_ms(*milliseconds);
  std::string_view text = headers.get("retry-after");
  if (auto seconds = number(text)) return from_ms(*seconds * 1000);
  if (auto date = parse_http_date(text, now)) return std::max(Duration::zero(), *date - now);
  return std::nullopt;
}

void RetryBudget::on_call() {
  std::lock_guard lock(mutex_);
  balance_ = std::min(reserve_, balance_ + ratio_);
}

bool RetryBudget::withdraw() {
  std::lock_guard lock(mutex_);
  if (balance_ < 1) return false;
  balance_ -= 1;
  ++withdrawn_;
  return true;
}

long long RetryBudget::withdrawn() const {
  std::lock_guard lock(mutex_);
  return withdrawn_;
}

std::variant<RetryState::Wait, Error> RetryState::after(const AttemptFailure& failure, MonotonicTime now,
                                                        Random& random, RetryBudget& budget) {
  ++attempts_;
  bool transient = is_transient(failure);
  bool may_repeat = safe_to_repeat_ || proves_untouched(failure);
  Error error = fail(code_of(failure), failure.what);
  if (transient && !may_repeat) {
    error.code = ErrorCode::kInDoubt;
    error.hint =
        "the call may have had its effect: look there before it is repeated; if the other side drops repeats, say so "
        "where the step is declared (repeatable)";
    return error;
  }
  error.retryable = transient && may_repeat;
  if (failure.retry_after) error.retry_after_ms = to_ms(*failure.retry_after);
  if (!error.retryable) return error;

  if (attempts_ >= policy_.attempts_max) {
    error.message += ", after " + std::to_string(attempts_) + " attempts";
    return error;
  }
  if (failure.retry_after && *failure.retry_after > policy_.retry_after_max) {
    error.message += ", which asks to wait longer than this call can";
    return error;
  }
  Duration delay = jittered_backoff(policy_.base, policy_.cap, attempts_, random);
  // Everybody was told the same moment: the jitter is added to it, or they would all come at once.
  if (failure.retry_after) delay += *failure.retry_after;
  if (deadline_ && now + delay >= *deadline_) {
    error.message += ", and the deadline leaves no time for another attempt";
    if (error.retry_after_ms == 0) error.retry_after_ms = to_ms(delay);
    return error;
  }
  if (!budget.withdraw()) {
    error.message += ", and too many other calls are being retried already";
    return error;
  }
  return Wait{delay};
}

}  // namespace mnema
