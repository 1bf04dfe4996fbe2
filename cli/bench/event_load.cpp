#include "cli/bench/event_load.hpp"

#include <charconv>
#include <cmath>
#include <thread>

namespace mnema {

EventLoad::EventLoad(CountingRuntime& runtime, const Clock& clock, Target target, int events)
    : runtime_(runtime), clock_(clock), target_(std::move(target)), events_(static_cast<std::size_t>(events)) {}

void EventLoad::send(int number, MonotonicTime due) {
  {
    const std::lock_guard lock(mutex_);
    if (sent_++ == 0) begun_ = due;
    events_[static_cast<std::size_t>(number)].due = due;
  }
  runtime_.accept(
      target_.tenant, "k" + std::to_string(number % target_.keys), target_.prefix + std::to_string(number),
      [this, number](const Result<Accepted>& accepted) {
        const std::lock_guard lock(mutex_);
        ++acknowledged_;
        if (!accepted.ok()) ++failed_;
        last_acknowledged_ = clock_.monotonic_now();
        events_[static_cast<std::size_t>(number)].acknowledged = last_acknowledged_;
        changed_.notify_all();
      },
      target_.agent);
}

void EventLoad::burst(int in_flight) {
  for (int number = 0; number < static_cast<int>(events_.size()); ++number) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return sent_ - acknowledged_ < in_flight; });
    }
    send(number, clock_.monotonic_now());
  }
}

void EventLoad::paced(double per_second) {
  const MonotonicTime begun = clock_.monotonic_now();
  for (int number = 0; number < static_cast<int>(events_.size()); ++number) {
    const MonotonicTime due = begun + std::chrono::microseconds(std::llround(1e6 * number / per_second));
    if (const Duration left = due - clock_.monotonic_now(); left > Duration{}) std::this_thread::sleep_for(left);
    send(number, due);
  }
}

void EventLoad::send_one() {
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = sent_;
  }
  send(number, clock_.monotonic_now());
}

std::optional<std::size_t> EventLoad::number_of(const Event& event) const {
  if (!event.id.starts_with(target_.prefix)) return std::nullopt;
  std::size_t number = 0;
  std::from_chars(event.id.data() + target_.prefix.size(), event.id.data() + event.id.size(), number);
  return number;
}

void EventLoad::on_turn_begin(const Event& event) {
  const std::optional<std::size_t> number = number_of(event);
  if (!number) return;
  const std::lock_guard lock(mutex_);
  events_[*number].begun = clock_.monotonic_now();
}

bool EventLoad::on_turn_end(const Event& event, TurnEnd end) {
  const std::optional<std::size_t> number = number_of(event);
  if (!number) return false;
  const std::lock_guard lock(mutex_);
  last_done_ = clock_.monotonic_now();
  events_[*number].done = last_done_;
  ++done_;
  if (end != TurnEnd::kDone) ++failed_;
  changed_.notify_all();
  return true;
}

Status EventLoad::wait_for_turns() { return wait(true); }
Status EventLoad::wait_until_acknowledged() { return wait(false); }

Status EventLoad::wait(bool for_turns) {
  std::unique_lock lock(mutex_);
  const auto complete = [&] { return acknowledged_ == sent_ && (!for_turns || done_ == sent_); };
  changed_.wait_for(lock, std::chrono::minutes(2), complete);
  if (complete() && failed_ == 0) return {};
  return fail(ErrorCode::kUnavailable, std::to_string(sent_) + " events were sent, " + std::to_string(acknowledged_) +
                                           " answered, " + std::to_string(done_) + " handled, and " +
                                           std::to_string(failed_) + " refused or failed");
}

bool EventLoad::is_done() {
  const std::lock_guard lock(mutex_);
  return done_ == static_cast<int>(events_.size());
}

std::vector<std::string> EventLoad::keys() const {
  std::vector<std::string> keys;
  for (int i = 0; i < target_.keys; ++i) keys.push_back("k" + std::to_string(i));
  return keys;
}

std::vector<Duration> EventLoad::waits(MonotonicTime Times::* from, MonotonicTime Times::* to) const {
  std::vector<Duration> waits;
  for (int i = 0; i < sent_; ++i) {
    const Times& times = events_[static_cast<std::size_t>(i)];
    waits.push_back(times.*to - times.*from);
  }
  return waits;
}

Latency EventLoad::accept_latency() const { return latency_of(waits(&Times::due, &Times::acknowledged)); }
Latency EventLoad::handler_latency() const { return latency_of(waits(&Times::due, &Times::begun)); }
Latency EventLoad::turn_latency() const { return latency_of(waits(&Times::begun, &Times::done)); }
std::vector<Duration> EventLoad::commit_waits() const { return waits(&Times::due, &Times::done); }
Latency EventLoad::commit_latency() const { return latency_of(commit_waits()); }

Status EventLoad::check_counted() const {
  ASSIGN_OR_RETURN(const std::int64_t counted, runtime_.counted(target_.tenant, keys(), target_.agent));
  if (counted == static_cast<std::int64_t>(events_.size())) return {};
  return fail(ErrorCode::kInternal,
              "the counters say " + std::to_string(counted) + " of " + std::to_string(events_.size()) + " events");
}

}  // namespace mnema
