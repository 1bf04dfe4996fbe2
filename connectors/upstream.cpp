#include "connectors/upstream.hpp"

#include "runtime/check.hpp"

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
  if (log_) {
    if (Duration wait = log_->wait(wall_now); wait > patience) return limit_error(wait);
  }
  RETURN_IF_ERROR(breaker_.admit(now, options_.name));
  Ticket ticket;
  if (bucket_) {
    auto wait = bucket_->take(now, patience);
    if (!wait) {
      breaker_.on_abandoned(now);
      return limit_error(patience);
    }
    ticket.wait = *wait;
  }
  if (log_) {
    auto wait = log_->take(wall_now, kForever);
    ticket.wait = std::max(ticket.wait, *wait);
    ticket.permit = wall_now + ticket.wait;
  }
  ++in_flight_;
  ++admitted_;
  return ticket;
}

void Upstream::admit(std::optional<MonotonicTime> deadline, std::function<void(Result<Ticket>)> granted) {
  std::unique_lock lock(mutex_);
  if (in_flight_ >= options_.calls_in_flight_max) {
    if (static_cast<int>(waiting_.size()) < options_.calls_waiting_max) {
      waiting_.push_back(Waiting{deadline, std::move(granted)});
      return;
    }
    lock.unlock();
    return granted(fail_retryable(ErrorCode::kResourceExhausted,
                                  "too many calls wait for upstream '" + options_.name + "'", "call later", 1000));
  }
  Result<Ticket> ticket = try_admit(deadline);
  lock.unlock();
  granted(std::move(ticket));
}

void Upstream::finish(Outcome outcome) {
  std::vector<std::pair<std::function<void(Result<Ticket>)>, Result<Ticket>>> answers;
  {
    std::lock_guard lock(mutex_);
    CHECK(in_flight_ > 0, "finish follows an admitted call, once");
    --in_flight_;
    ++finished_;
    MonotonicTime now = clock_.monotonic_now();
    switch (outcome) {
      case Outcome::kSuccess:
        breaker_.on_success(now);
        break;
      case Outcome::kUpstreamFailure:
        breaker_.on_failure(now);
        break;
      case Outcome::kOurFailure:
        breaker_.on_abandoned(now);
        break;
    }
    while (!waiting_.empty() && in_flight_ < options_.calls_in_flight_max) {
      Waiting next = std::move(waiting_.front());
      waiting_.pop_front();
      answers.emplace_back(std::move(next.granted), try_admit(next.deadline));
    }
  }
  for (auto& [granted, ticket] : answers) granted(std::move(ticket));
}

void Upstream::commit_permit(const Ticket& ticket, Executor& reply_to, std::function<void(Status)> done) {
  if (!ticket.permit || permits_ == nullptr) return done({});
  permits_->append(options_.name, *ticket.permit, reply_to, std::move(done));
}

bool Upstream::is_stale(const Ticket& ticket) const {
  return ticket.permit && clock_.now() > *ticket.permit + options_.permit_grace;
}

Breaker::State Upstream::breaker_state() const {
  std::lock_guard lock(mutex_);
  return breaker_.state(clock_.monotonic_now());
}

void Upstream::check_integrity() const {
  std::lock_guard lock(mutex_);
  CHECK(admitted_ == finished_ + in_flight_, "calls admitted == finished + in flight");
  CHECK(in_flight_ >= 0 && in_flight_ <= options_.calls_in_flight_max, "the bulkhead holds");
  CHECK(waiting_.empty() || in_flight_ == options_.calls_in_flight_max, "nobody waits at an open door");
}

}  // namespace mnema
