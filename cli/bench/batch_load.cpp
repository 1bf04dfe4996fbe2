#include "cli/bench/batch_load.hpp"

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "cli/bench/counting_runtime.hpp"

namespace mnema {
namespace {

const std::vector<Migration>& offset_table() {
  static const std::vector<Migration> table{
      {"bench", 1, "CREATE TABLE bench_offset (next INTEGER NOT NULL); INSERT INTO bench_offset VALUES (0)"}};
  return table;
}

/// Sends events and waits for their answers.
class Sender {
 public:
  Sender(const BatchLoad& load, CountingRuntime& runtime, const Clock& clock)
      : load_(load), runtime_(runtime), accept_(runtime.acceptor()), clock_(clock) {}

  Result<double> send_batches() {
    return send(load_.batch_events, [this](int first, int count) {
      EventBatch batch;
      batch.dedupe = Dedupe::kByOffset;
      batch.events.reserve(static_cast<std::size_t>(count));
      for (int i = first; i < first + count; ++i) batch.events.emplace_back(event_of(i));
      batch.hook = [next = first + count](Transaction& transaction, const AcceptResults&) -> Status {
        ASSIGN_OR_RETURN(Statement move, transaction.prepare("UPDATE bench_offset SET next = ?"));
        return move.bind(1, next).run();
      };
      accept_(std::move(batch), [this, count](const Result<AcceptResults>& results) {
        const bool ok =
            results.ok() && std::all_of(results->begin(), results->end(), [](const auto& one) { return one.ok(); });
        answered(count, ok);
      });
    });
  }
  Result<double> send_singles() {
    return send(1, [this](int first, int) {
      accept_(event_of(first), [this](const Result<Accepted>& result) { answered(1, result.ok()); });
    });
  }

 private:
  [[nodiscard]] Event event_of(int number) const {
    const std::string key = "k" + std::to_string(number % load_.keys);
    Event event = runtime_.event_of("local", key, "batch-" + std::to_string(number));
    event.key = key;  // as from a record's key: nobody reads the payload
    event.data.resize(static_cast<std::size_t>(load_.event_bytes), ' ');
    return event;
  }
  void answered(int count, bool ok) {
    const std::scoped_lock lock(mutex_);
    answered_ += count;
    all_ok_ = all_ok_ && ok;
    changed_.notify_all();
  }
  /// Events a second, from the first one sent to the last one acknowledged.
  template <class Send>
  Result<double> send(int step, const Send& send_some) {
    const MonotonicTime begun = clock_.monotonic_now();
    for (int first = 0; first < load_.events; first += step) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return first - answered_ <= load_.in_flight - step; });
      }
      send_some(first, std::min(step, load_.events - first));
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answered_ == load_.events; });
    if (!all_ok_) return fail(ErrorCode::kUnavailable, "an event of the batches was refused");
    return load_.events / std::chrono::duration<double>(clock_.monotonic_now() - begun).count();
  }

  const BatchLoad& load_;
  CountingRuntime& runtime_;
  const Accept accept_;
  const Clock& clock_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  int answered_ = 0;
  bool all_ok_ = true;
};

Result<double> measure(const BatchLoad& load, const std::string& name, const Clock& clock, Random& random) {
  const std::string folder = load.folder + "/" + name;
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  Result<double> rate = 0.0;
  {
    ASSIGN_OR_RETURN(const auto runtime, CountingRuntime::open({folder, {"local"}, {}, offset_table()}, clock, random));
    Sender sender(load, *runtime, clock);
    rate = name == "batches" ? sender.send_batches() : sender.send_singles();
    ASSIGN_OR_RETURN(const std::int64_t offset, runtime->number_of("SELECT next FROM bench_offset"));
    if (rate.ok() && name == "batches" && offset != load.events) {
      rate = fail(ErrorCode::kInternal,
                  "the offset says " + std::to_string(offset) + " of " + std::to_string(load.events) + " events");
    }
  }
  std::filesystem::remove_all(folder, ignored);
  return rate;
}

}  // namespace

Result<BatchRates> measure_batches(const BatchLoad& load, const Clock& clock, Random& random) {
  BatchRates rates;
  ASSIGN_OR_RETURN(rates.batched_per_s, measure(load, "batches", clock, random));
  ASSIGN_OR_RETURN(rates.single_per_s, measure(load, "singles", clock, random));
  return rates;
}

}  // namespace mnema
