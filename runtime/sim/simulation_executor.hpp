// runtime/sim/simulation_executor.hpp
//
// The whole runtime on one thread, from one seed. A `Simulation` owns a virtual clock and named lanes; each lane is an
// `Executor` and stands for one thread or pool of production ("loop", "store", "turns", ...). Which lane runs next is
// drawn from the seed, so that a seed is an interleaving, and a failing one can be run again.
//
// Time moves only when no work is ready: then it jumps to the next delayed work. Work takes no virtual time. The wall
// clock goes with it, but can be set like a machine's, forward or back, which moves no delay.
//
// Threads:   confined to one thread, all of it.
// Ownership: owns its lanes; everything built on them must go before the simulation does, except what `crash` drops.
// Invariant: posted == run + dropped + waiting   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class Simulation {
 public:
  /// `kInOrder` stands for one thread: work runs in the order it was posted. `kAnyOrder` stands for a pool.
  enum class LaneKind { kInOrder, kAnyOrder };

  explicit Simulation(std::uint64_t seed, Time start = from_micros(1'700'000'000'000'000));
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// The lane of that name, made on first use; `kind` counts then only.
  [[nodiscard]] Executor& lane(const std::string& name, LaneKind kind = LaneKind::kInOrder);
  [[nodiscard]] const Clock& clock() const;
  /// The generator that interleavings are drawn from. Tests may draw from it too.
  [[nodiscard]] Random& random();

  /// Runs one piece of ready work. False: none is ready now (some may be delayed).
  bool run_one();
  /// Runs all that is ready, without moving time.
  void run_ready();
  /// Runs until nothing is left, delayed work included, or until `horizon` of virtual time has passed. Returns true if
  /// nothing is left.
  bool run_until_idle(Duration horizon = std::chrono::hours(1));
  /// Runs for `duration` of virtual time; the clock stands exactly that much later afterwards.
  void run_for(Duration duration);
  /// Runs until `done` holds, or nothing is left, or `horizon` has passed. Returns done().
  bool run_until(const std::function<bool()>& done, Duration horizon = std::chrono::hours(1));

  /// Somebody sets the wall clock `by` so much forward, or back. The monotonic clock and all delays go on.
  void step_wall_clock(Duration by);

  /// The process dies: all waiting work is dropped, and so is what its destruction posts. Afterwards the lanes serve a
  /// new process. To be called between pieces of work.
  void crash();
  /// The same in two parts, for what can only go when its own lanes have ended: until `end_crash` the lanes of these
  /// names keep their work and run, and all other work is dropped.
  void begin_crash(const std::set<std::string>& lanes_kept);
  void end_crash();

  [[nodiscard]] long long work_run() const { return run_; }
  void check_integrity() const;

 private:
  class Lane;
  class VirtualClock;
  struct Delayed {
    Lane* lane;
    std::function<void()> work;
  };
  void wake_delayed();
  void drop_work();
  [[nodiscard]] bool advance(MonotonicTime limit);

  SeededRandom random_;
  std::unique_ptr<VirtualClock> clock_;
  std::map<std::string, std::unique_ptr<Lane>> lanes_;
  std::multimap<MonotonicTime, Delayed> delayed_;
  bool crashing_ = false;
  long long posted_ = 0;
  long long run_ = 0;
  long long dropped_ = 0;
};

}  // namespace mnema
