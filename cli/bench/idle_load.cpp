#include "cli/bench/idle_load.hpp"

#include <malloc.h>

#include <thread>

#include "cli/bench/event_load.hpp"
#include "cli/bench/process_usage.hpp"

namespace mnema {
namespace {

constexpr int kInFlight = 500;
constexpr int kWarmUpKeys = 100;

/// A burst, all of it handled; what the allocator keeps for the next one is released, so that what is left is held
/// by somebody.
Result<double> resident_after(EventLoad& load) {
  load.burst(kInFlight);
  RETURN_IF_ERROR(load.wait_for_turns());
  std::this_thread::sleep_for(std::chrono::seconds(1));  // the last commit's checkpoint is over
  ::malloc_trim(0);
  return static_cast<double>(resident_bytes());
}

}  // namespace

Result<IdleCost> measure_idle(const IdleLoad& load, const Clock& clock, Random& random) {
  ASSIGN_OR_RETURN(const auto runtime, CountingRuntime::open({load.folder, {"local"}, {}}, clock, random));
  // As many events as there will be agents, to a few keys: caches and pools have their size before.
  EventLoad few(*runtime, clock, {"local", "few-", kWarmUpKeys}, load.agents);
  EventLoad many(*runtime, clock, {"local", "many-", load.agents}, load.agents);
  runtime->on_turn_end([&](const Event& event, TurnEnd end) {
    if (!few.on_turn_end(event, end)) many.on_turn_end(event, end);
  });
  runtime->start();
  ASSIGN_OR_RETURN(const double before, resident_after(few));
  ASSIGN_OR_RETURN(const double after, resident_after(many));
  const std::map<std::string, long long> cpu_before = cpu_ns_by_thread();
  const MonotonicTime began = clock.monotonic_now();
  std::this_thread::sleep_for(std::chrono::duration<double>(load.seconds));
  const double took = std::chrono::duration<double>(clock.monotonic_now() - began).count();
  IdleCost cost;
  cost.agents = load.agents;
  cost.resident_bytes_each = (after - before) / load.agents;
  double us_per_s = 0;
  for (const auto& [name, us] : cpu_us_since(cpu_before)) {
    if (us / took >= 0.1) cost.cpu_us_per_s[name] = us / took;
    us_per_s += us / took;
  }
  cost.cpu_percent = us_per_s / 1e4;
  return cost;
}

}  // namespace mnema
