#include "runtime/sim/simulation_executor.hpp"

#include <deque>
#include <utility>

#include "runtime/base/check.hpp"

namespace mnema {

class Simulation::VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Time start) : wall_offset_(start.time_since_epoch() - now_.time_since_epoch()) {}
  [[nodiscard]] Time now() const override { return Time(now_.time_since_epoch() + wall_offset_); }
  [[nodiscard]] MonotonicTime monotonic_now() const override { return now_; }
  void move_to(MonotonicTime time) { now_ = time; }
  void step_wall(Duration by) { wall_offset_ += by; }

 private:
  MonotonicTime now_{std::chrono::hours(24)};  // far from the wall clock: whoever mixes them up is found out
  Duration wall_offset_;
};

class Simulation::Lane final : public Executor {
 public:
  Lane(Simulation& simulation, LaneKind kind) : simulation_(simulation), kind_(kind) {}

  void post(std::function<void()> work) override {
    ++simulation_.posted_;
    if (simulation_.crashing_ && !is_kept) {
      ++simulation_.dropped_;
      return;
    }
    ready_.push_back(std::move(work));
  }

  void post_after(Duration delay, std::function<void()> work) override {
    if (delay <= Duration{}) return post(std::move(work));
    ++simulation_.posted_;
    if (simulation_.crashing_ && !is_kept) {
      ++simulation_.dropped_;
      return;
    }
    simulation_.delayed_.emplace(simulation_.clock().monotonic_now() + delay, Delayed{this, std::move(work)});
  }

  [[nodiscard]] std::size_t ready() const { return ready_.size(); }

  [[nodiscard]] std::function<void()> take(Random& random) {
    const std::size_t place = kind_ == LaneKind::kInOrder ? 0 : random.below(ready_.size());
    std::function<void()> work = std::move(ready_[place]);
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(place));
    return work;
  }

  bool is_kept = false;  // of a process that is dying

  [[nodiscard]] std::deque<std::function<void()>> take_all() { return std::exchange(ready_, {}); }

 private:
  Simulation& simulation_;
  const LaneKind kind_;
  std::deque<std::function<void()>> ready_;
};

Simulation::Simulation(std::uint64_t seed, Time start) : random_(seed), clock_(std::make_unique<VirtualClock>(start)) {}

Simulation::~Simulation() { crash(); }

Executor& Simulation::lane(const std::string& name, LaneKind kind) {
  std::unique_ptr<Lane>& lane = lanes_[name];
  if (!lane) lane = std::make_unique<Lane>(*this, kind);
  return *lane;
}

const Clock& Simulation::clock() const { return *clock_; }
Random& Simulation::random() { return random_; }

void Simulation::wake_delayed() {
  while (!delayed_.empty() && delayed_.begin()->first <= clock_->monotonic_now()) {
    Delayed delayed = std::move(delayed_.extract(delayed_.begin()).mapped());
    --posted_;  // it is counted again where it is posted now
    delayed.lane->post(std::move(delayed.work));
  }
}

bool Simulation::run_one() {
  wake_delayed();
  std::size_t lanes_ready = 0;
  for (const auto& [name, lane] : lanes_) lanes_ready += lane->ready() > 0 ? 1 : 0;
  if (lanes_ready == 0) return false;
  std::size_t pick = random_.below(lanes_ready);
  for (const auto& [name, lane] : lanes_) {
    if (lane->ready() == 0 || pick-- > 0) continue;
    const std::function<void()> work = lane->take(random_);
    ++run_;
    work();
    return true;
  }
  return false;
}

void Simulation::run_ready() {
  while (run_one()) {
  }
}

// Moves time to the next delayed work, if that is not after `limit`.
bool Simulation::advance(MonotonicTime limit) {
  if (delayed_.empty() || delayed_.begin()->first > limit) return false;
  clock_->move_to(std::max(clock_->monotonic_now(), delayed_.begin()->first));
  return true;
}

bool Simulation::run_until_idle(Duration horizon) {
  const MonotonicTime limit = clock_->monotonic_now() + horizon;
  do {
    run_ready();
  } while (advance(limit));
  return delayed_.empty();
}

void Simulation::run_for(Duration duration) {
  const MonotonicTime limit = clock_->monotonic_now() + duration;
  do {
    run_ready();
  } while (advance(limit));
  clock_->move_to(limit);
}

bool Simulation::run_until(const std::function<bool()>& done, Duration horizon) {
  const MonotonicTime limit = clock_->monotonic_now() + horizon;
  while (!done()) {
    if (!run_one() && !advance(limit)) return done();
  }
  return true;
}

void Simulation::step_wall_clock(Duration by) { clock_->step_wall(by); }

void Simulation::crash() {
  begin_crash({});
  end_crash();
}

void Simulation::begin_crash(const std::set<std::string>& lanes_kept) {
  crashing_ = true;
  for (const auto& [name, lane] : lanes_) lane->is_kept = lanes_kept.contains(name);
  drop_work();
}

void Simulation::end_crash() {
  for (const auto& [name, lane] : lanes_) lane->is_kept = false;
  drop_work();
  crashing_ = false;
}

// Destroying work may destroy its owners, which may post; all of that is dropped as well.
void Simulation::drop_work() {
  for (const auto& [name, lane] : lanes_) {
    if (lane->is_kept) continue;
    std::deque<std::function<void()>> dropped = lane->take_all();
    dropped_ += static_cast<long long>(dropped.size());
    dropped.clear();
  }
  std::multimap<MonotonicTime, Delayed> dropped = std::exchange(delayed_, {});
  for (auto next = dropped.begin(); next != dropped.end();) {
    const auto delayed = next++;
    if (delayed->second.lane->is_kept) delayed_.insert(dropped.extract(delayed));
  }
  dropped_ += static_cast<long long>(dropped.size());
  dropped.clear();
}

void Simulation::check_integrity() const {
  long long waiting = static_cast<long long>(delayed_.size());
  for (const auto& [name, lane] : lanes_) waiting += static_cast<long long>(lane->ready());
  CHECK(posted_ == run_ + dropped_ + waiting, "posted == run + dropped + waiting");
}

}  // namespace mnema
