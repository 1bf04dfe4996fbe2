#include "connectors/upstream.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr Duration kForever = std::chrono::hours(24 * 365);
long to_ms(Duration duration) { return static_cast<long>((duration.count() + 999) / 1000); }

}  // namespace

Upstream::Upstream(UpstreamOptions options, const Clock& clock, PermitLog* permits, const std::vector<Time>& restored)
    : options_(std::move(options)),
      clock_(clock),
      permits_(permits),
      breaker_(options_.breaker, clock.monotonic_now()) {
  if (options_.calls_per_second) bucket_.emplace(*options_.calls_per_second, options_.burst, clock.monotonic_now());
  if (options_.calls_per_window) {
    log_.emplace(*options_.calls_per_window, options_.window + options_.permit_grace);
    for (Time permit : restored) log_->restore(permit);
  }
}

Error Upstream::limit_error(Duration wait) const {
  return fail_retryable(ErrorCode::kResourceExhausted,
                        "the rate limit of upstream '" + options_.name + "' is used up for the next " +
                            std::to_string(to_ms(wait)) + " ms",
                        "call later, or raise the limit if the upstream allows more", to_ms(wait));
}

Result<Upstream::Ticket> Upstream::try_admit(std::optional<MonotonicTime> deadline) {
  MonotonicTime now = clock_.monotonic_now();
  Time wall_now = clock_.now();
  Duration patience = deadline ? *deadline - now : kForever;
  if (patience <= Duration::zero()) {
    return fail_retryable(ErrorCode::kDeadlineExceeded,
                          "the deadline passed before upstream '" + options_.name + "' could be called");
  }
  // Looked at before the breaker gives away its only probe; taken after.
  const Duration window_wait = log_ ? log_->wait(wall_now) : Duration::zero();
  if (window_wait > patience) return limit_error(window_wait);
  Ticket ticket;
  ASSIGN_OR_RETURN(ticket.epoch, breaker_.admit(now, options_.name));
  ticket.wait = window_wait;
  if (bucket_) {
    auto wait = bucket_->take(now, window_wait, patience);
    if (!wait) {
      breaker_.on_abandoned(now, ticket.epoch);
      return limit_error(patience);
    }
    ticket.wait = *wait;
  }
  if (log_) {
    ticket.permit = wall_now + ticket.wait;
    log_->take(*ticket.permit);
  }
  ++in_flight_;
  ++admitted_;
  return ticket;
}

std::uint64_t Upstream::admit(std::optional<MonotonicTime> deadline, std::function<void(Result<Ticket>)> granted) {
  std::unique_lock lock(mutex_);
  if (in_flight_ >= options_.calls_in_flight_max) {
    if (static_cast<int>(waiting_.size()) < options_.calls_waiting_max) {
      waiting_.push_back(Waiting{++last_waiting_, deadline, std::move(granted)});
      return last_waiting_;
    }
    lock.unlock();
    granted(fail_retryable(ErrorCode::kResourceExhausted, "too many calls wait for upstream '" + options_.name + "'",
                           "call later", 1000));
    return 0;
  }
  Result<Ticket> ticket = try_admit(deadline);
  lock.unlock();
  granted(std::move(ticket));
  return 0;
}

bool Upstream::leave_queue(std::uint64_t waiting) {
  Waiting left{};  // what its callback holds is released without the mutex
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& other) { return other.id == waiting; });
  if (found == waiting_.end()) return false;
  left = std::move(*found);
  waiting_.erase(found);
  return true;
}

void Upstream::finish(const Ticket& ticket, Outcome outcome) {
  std::vector<std::pair<std::function<void(Result<Ticket>)>, Result<Ticket>>> answers;
  {
    std::lock_guard lock(mutex_);
    CHECK(in_flight_ > 0, "finish follows an admitted call, once");
    --in_flight_;
    ++finished_;
    MonotonicTime now = clock_.monotonic_now();
    switch (outcome) {
      case Outcome::kSuccess:
        breaker_.on_success(now, ticket.epoch);
        break;
      case Outcome::kUpstreamFailure:
        ++failures_;
        breaker_.on_failure(now, ticket.epoch);
        break;
      case Outcome::kOurFailure:
        breaker_.on_abandoned(now, ticket.epoch);
        break;
    }
    while (!waiting_.empty() && in_flight_ < options_.calls_in_flight_max) {
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      answers.emplace_back(std::move(next.granted), try_admit(next.deadline));
    }
  }
  for (auto& [granted, answer] : answers) granted(std::move(answer));
}

void Upstream::commit_permit(const Ticket& ticket, Executor& reply_to, std::function<void(Status)> done) {
  if (!ticket.permit || permits_ == nullptr) return done({});
  permits_->append(options_.name, *ticket.permit, reply_to, std::move(done));
}

bool Upstream::is_stale(const Ticket& ticket, Duration connecting) const {
  return ticket.permit && clock_.now() + connecting > *ticket.permit + options_.permit_grace;
}

std::optional<MonotonicTime> Upstream::leave_by(const Ticket& ticket) const {
  if (!ticket.permit) return std::nullopt;
  return clock_.monotonic_now() + (*ticket.permit + options_.permit_grace - clock_.now());
}

Breaker::State Upstream::breaker_state() const {
  std::lock_guard lock(mutex_);
  return breaker_.state(clock_.monotonic_now());
}

UpstreamCounts Upstream::counts() const {
  std::lock_guard lock(mutex_);
  return {admitted_,
          failures_,
          retry_budget_.withdrawn(),
          breaker_.state(clock_.monotonic_now()),
          in_flight_,
          static_cast<int>(waiting_.size())};
}

void Upstream::check_integrity() const {
  std::lock_guard lock(mutex_);
  CHECK(admitted_ == finished_ + in_flight_, "calls admitted == finished + in flight");
  CHECK(in_flight_ >= 0 && in_flight_ <= options_.calls_in_flight_max, "the bulkhead holds");
  CHECK(waiting_.empty() || in_flight_ == options_.calls_in_flight_max, "nobody waits while there is capacity");
}

}  // namespace mnema
