#include "cli/bench/coalesce_load.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "cli/bench/counting_runtime.hpp"

namespace mnema {
namespace {

constexpr double kBatchesPerSecond = 100;

class Sender {
 public:
  Sender(const CoalesceLoad& load, CountingRuntime& runtime, const Clock& clock)
      : load_(load),
        runtime_(runtime),
        accept_(runtime.acceptor()),
        clock_(clock),
        waiting_(static_cast<std::size_t>(load.keys)) {}

  void send() {
    const int count = std::max(1, static_cast<int>(load_.rate / kBatchesPerSecond));
    const int events = std::max(count, static_cast<int>(load_.rate * load_.seconds));
    const MonotonicTime begun = clock_.monotonic_now();
    begun_ = begun;
    for (int first = 0; first < events; first += count) {
      const MonotonicTime due = begun + std::chrono::microseconds(std::llround(1e6 * first / load_.rate));
      if (const Duration left = due - clock_.monotonic_now(); left > Duration{}) std::this_thread::sleep_for(left);
      send_batch(first, std::min(count, events - first), due);
    }
    sent_ = events;
  }

  void on_turn_end(const Event& event) {
    int number = 0;
    std::from_chars(event.id.data() + 1, event.id.data() + event.id.size(), number);
    const std::scoped_lock lock(mutex_);
    ++turns_;
    last_turn_ = clock_.monotonic_now();
    std::deque<Waiting>& of_key = waiting_[static_cast<std::size_t>(number % load_.keys)];
    for (; !of_key.empty() && of_key.front().number <= number; of_key.pop_front()) {
      staleness_.push_back(last_turn_ - of_key.front().due);
    }
    changed_.notify_all();
  }

  Result<CoalesceRates> result() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::minutes(2),
                      [this] { return failed_ > 0 || static_cast<int>(staleness_.size()) == sent_; });
    if (failed_ > 0 || static_cast<int>(staleness_.size()) != sent_) {
      return fail(ErrorCode::kUnavailable, std::to_string(sent_) + " events were sent, " + std::to_string(failed_) +
                                               " refused and " + std::to_string(staleness_.size()) +
                                               " are known to a turn");
    }
    const auto per_second = [this](int count, MonotonicTime until) {
      return count / std::chrono::duration<double>(until - begun_).count();
    };
    CoalesceRates rates;
    rates.events = sent_;
    rates.accepted_per_s = per_second(sent_, last_accepted_);
    rates.turns_per_s = per_second(turns_, last_turn_);
    rates.events_per_turn = static_cast<double>(sent_) / turns_;
    rates.staleness = latency_of(staleness_);
    if (const std::int64_t coalesced = runtime_.counts().events_coalesced_total; coalesced + turns_ != sent_) {
      return fail(ErrorCode::kInternal, std::to_string(turns_) + " turns and " + std::to_string(coalesced) +
                                            " coalesced events are not the " + std::to_string(sent_) + " sent");
    }
    return rates;
  }

 private:
  struct Waiting {
    int number;
    MonotonicTime due;
  };

  void send_batch(int first, int count, MonotonicTime due) {
    EventBatch batch;
    batch.dedupe = Dedupe::kByOffset;
    {
      const std::scoped_lock lock(mutex_);
      for (int number = first; number < first + count; ++number) {
        Event event =
            runtime_.event_of("local", "k" + std::to_string(number % load_.keys), "e" + std::to_string(number));
        batch.events.emplace_back(std::move(event));
        waiting_[static_cast<std::size_t>(number % load_.keys)].push_back({number, due});
      }
    }
    accept_(std::move(batch), [this](const Result<AcceptResults>& results) {
      const std::scoped_lock lock(mutex_);
      const bool ok =
          results.ok() && std::all_of(results->begin(), results->end(), [](const auto& one) { return one.ok(); });
      if (!ok) ++failed_;
      last_accepted_ = clock_.monotonic_now();
      changed_.notify_all();
    });
  }

  const CoalesceLoad& load_;
  CountingRuntime& runtime_;
  const Accept accept_;
  const Clock& clock_;
  MonotonicTime begun_{};
  int sent_ = 0;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<std::deque<Waiting>> waiting_;  // by key: not covered yet
  std::vector<Duration> staleness_;
  int turns_ = 0;
  int failed_ = 0;
  MonotonicTime last_accepted_{};
  MonotonicTime last_turn_{};
};

}  // namespace

Result<CoalesceRates> measure_coalescing(const CoalesceLoad& load, const Clock& clock, Random& random) {
  const std::string folder = load.folder + "/coalesce";
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  Result<CoalesceRates> rates = Error{};
  {
    CountingRuntime::Options options{folder, {"local"}};
    options.flow.coalesce_window_ms = load.window_ms;
    ASSIGN_OR_RETURN(const auto runtime, CountingRuntime::open(options, clock, random));
    Sender sender(load, *runtime, clock);
    runtime->on_turn_end([&sender](const Event& event, TurnEnd) { sender.on_turn_end(event); });
    runtime->start();
    sender.send();
    rates = sender.result();
  }
  std::filesystem::remove_all(folder, ignored);
  return rates;
}

}  // namespace mnema
