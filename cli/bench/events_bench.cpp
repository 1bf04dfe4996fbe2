#include "cli/bench/events_bench.hpp"

#include <filesystem>
#include <thread>

#include "cli/bench/counting_runtime.hpp"
#include "cli/bench/decoding_streams.hpp"
#include "cli/bench/event_load.hpp"
#include "cli/bench/process_usage.hpp"

namespace mnema {
namespace {

constexpr int kSinglesAlone = 40;
constexpr Duration kBetweenSingles = std::chrono::milliseconds(25);
constexpr int kSinglesMax = 2'000;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// A fresh data folder of one phase, removed with it.
class PhaseFolder {
 public:
  PhaseFolder(const std::string& parent, const std::string& name) : path_(parent + "/" + name) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    std::filesystem::create_directories(path_, ignored);
  }
  ~PhaseFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  PhaseFolder(const PhaseFolder&) = delete;
  PhaseFolder& operator=(const PhaseFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

/// What changes while a burst runs.
struct Meter {
  explicit Meter(const CountingRuntime& r) : runtime(r), before(r.statistics()), cpu_before(cpu_ns_by_thread()) {}

  void fill(EventsBenchResult::Burst& burst, int turns, Duration took) const {
    const Database::Statistics now = runtime.statistics();
    const auto units = static_cast<double>(now.units_answered - before.units_answered);
    const auto commits = static_cast<double>(now.groups_committed - before.groups_committed);
    burst.units_per_turn = units / turns;
    burst.units_per_commit = commits > 0 ? units / commits : 0;
    burst.commits_per_s = commits / seconds(took);
    for (const auto& [name, us] : cpu_us_since(cpu_before)) {
      if (us / turns >= 0.1) burst.cpu_us_per_turn[name] = us / turns;
    }
  }

  const CountingRuntime& runtime;
  const Database::Statistics before;
  const std::map<std::string, long long> cpu_before;
};

Result<EventsBenchResult::Burst> run_burst(const EventsBenchOptions& options, const Clock& clock, Random& random) {
  const PhaseFolder folder(options.folder, "burst");
  ASSIGN_OR_RETURN(const auto runtime,
                   CountingRuntime::open({folder.path(), {"local"}, options.embedding}, clock, random));
  EventLoad load(*runtime, clock, {"local", "burst-", options.keys}, options.events);
  runtime->on_turn_end([&load](const Event& event, TurnEnd end) { load.on_turn_end(event, end); });
  runtime->start();
  const Meter meter(*runtime);
  load.burst(options.in_flight);
  RETURN_IF_ERROR(load.wait_for_turns());
  EventsBenchResult::Burst burst;
  meter.fill(burst, options.events, load.all_took());
  burst.accepted_per_s = options.events / seconds(load.sending_took());
  burst.turns_per_s = options.events / seconds(load.all_took());
  burst.drain_s = seconds(load.all_took() - load.sending_took());
  RETURN_IF_ERROR(load.check_counted());
  return burst;
}

Result<EventsBenchResult::Burst> run_backlog(const EventsBenchOptions& options, const Clock& clock, Random& random) {
  const PhaseFolder folder(options.folder, "backlog");
  ASSIGN_OR_RETURN(const auto runtime,
                   CountingRuntime::open({folder.path(), {"local"}, options.embedding}, clock, random));
  EventLoad load(*runtime, clock, {"local", "backlog-", options.keys}, options.events);
  runtime->on_turn_end([&load](const Event& event, TurnEnd end) { load.on_turn_end(event, end); });
  load.burst(options.in_flight);
  RETURN_IF_ERROR(load.wait_until_acknowledged());
  const Meter meter(*runtime);
  const MonotonicTime begun = clock.monotonic_now();
  runtime->start();
  RETURN_IF_ERROR(load.wait_for_turns());
  const Duration took = clock.monotonic_now() - begun;
  EventsBenchResult::Burst burst;
  meter.fill(burst, options.events, took);
  burst.accepted_per_s = options.events / seconds(load.sending_took());
  burst.turns_per_s = options.events / seconds(took);
  burst.drain_s = seconds(took);
  RETURN_IF_ERROR(load.check_counted());
  return burst;
}

Result<PacedWaits> run_paced(const EventsBenchOptions& options, const char* agent, double rate, const Clock& clock,
                             Random& random) {
  const PhaseFolder folder(options.folder, "paced");
  PacedLoad load;
  load.folder = folder.path();
  load.rate = rate;
  load.seconds = options.rate_s;
  load.keys = options.keys;
  load.agent = agent;
  load.embedding = options.embedding;
  return measure_pace(load, clock, random);
}

Result<EventsBenchResult::BesideStreams> run_beside_streams(const EventsBenchOptions& options, const Clock& clock,
                                                            Random& random) {
  ASSIGN_OR_RETURN(const auto streams, DecodingStreams::start({options.model, options.streams}, clock, random));
  EventsBenchResult::BesideStreams beside;
  ASSIGN_OR_RETURN(beside.paced, run_paced(options, CountingRuntime::kCounter, options.rate, clock, random));
  RETURN_IF_ERROR(streams->status());
  beside.tokens_per_s = streams->tokens_per_s();
  return beside;
}

Result<IdleCost> run_idle(const EventsBenchOptions& options, const Clock& clock, Random& random) {
  const PhaseFolder folder(options.folder, "idle");
  IdleLoad load;
  load.folder = folder.path();
  load.agents = options.idle_agents;
  load.seconds = options.idle_s;
  return measure_idle(load, clock, random);
}

Result<std::vector<EventsBenchResult::Resident>> run_growth(const EventsBenchOptions& options, const Clock& clock,
                                                            Random& random) {
  const PhaseFolder folder(options.folder, "growth");
  ASSIGN_OR_RETURN(const auto runtime,
                   CountingRuntime::open({folder.path(), {"local"}, options.embedding}, clock, random));
  std::shared_ptr<EventLoad> load;  // the current burst; changes only while no turn runs
  runtime->on_turn_end([&load](const Event& event, TurnEnd end) { load->on_turn_end(event, end); });
  runtime->start();
  std::vector<EventsBenchResult::Resident> growth;
  const int step = std::max(1, options.growth_events / 10);
  for (int done = 0; done < options.growth_events; done += step) {
    const std::string prefix = "growth-" + std::to_string(done) + "-";
    load = std::make_shared<EventLoad>(*runtime, clock, EventLoad::Target{"local", prefix, options.keys}, step);
    load->burst(options.in_flight);
    RETURN_IF_ERROR(load->wait_for_turns());
    growth.push_back({done + step, static_cast<double>(resident_bytes()) / (1 << 20)});
  }
  return growth;
}

Result<EventsBenchResult::Tenants> run_tenants(const EventsBenchOptions& options, const Clock& clock, Random& random) {
  const PhaseFolder folder(options.folder, "tenants");
  std::vector<std::string> tenants{"loud"};
  for (int i = 1; i < options.tenants; ++i) tenants.push_back("quiet-" + std::to_string(i));
  ASSIGN_OR_RETURN(const auto runtime,
                   CountingRuntime::open({folder.path(), tenants, options.embedding}, clock, random));
  EventLoad loud(*runtime, clock, {"loud", "loud-", options.keys}, options.events);
  EventLoad alone(*runtime, clock, {tenants[1], "alone-", options.keys}, kSinglesAlone);
  std::vector<std::unique_ptr<EventLoad>> quiet;
  for (std::size_t i = 1; i < tenants.size(); ++i) {
    const EventLoad::Target target{tenants[i], tenants[i] + "-beside-", options.keys};
    quiet.push_back(std::make_unique<EventLoad>(*runtime, clock, target, kSinglesMax));
  }
  runtime->on_turn_end([&](const Event& event, TurnEnd end) {
    if (loud.on_turn_end(event, end) || alone.on_turn_end(event, end)) return;
    for (const auto& load : quiet) load->on_turn_end(event, end);
  });
  runtime->start();
  for (int i = 0; i < kSinglesAlone; ++i) {
    alone.send_one();
    std::this_thread::sleep_for(kBetweenSingles);
  }
  RETURN_IF_ERROR(alone.wait_for_turns());
  std::thread bursting([&] { loud.burst(options.in_flight); });
  for (int i = 0; i < kSinglesMax && !loud.is_done(); ++i) {
    for (const auto& load : quiet) load->send_one();
    std::this_thread::sleep_for(kBetweenSingles);
  }
  bursting.join();
  RETURN_IF_ERROR(loud.wait_for_turns());
  std::vector<Duration> beside;
  for (const auto& load : quiet) {
    RETURN_IF_ERROR(load->wait_for_turns());
    const std::vector<Duration> waits = load->commit_waits();
    beside.insert(beside.end(), waits.begin(), waits.end());
  }
  return EventsBenchResult::Tenants{alone.commit_latency(), latency_of(std::move(beside)), seconds(loud.all_took())};
}

}  // namespace

Result<EventsBenchResult> run_events_bench(const EventsBenchOptions& options, const Clock& clock, Random& random) {
  EventsBenchResult result;
  if (std::error_code error; !std::filesystem::is_directory(options.folder, error)) {
    return fail(ErrorCode::kStorage, "'" + options.folder + "' is no folder", "make it first");
  }
  // These first: what other phases leave in the heap would hide it.
  if (options.idle_agents > 0) {
    ASSIGN_OR_RETURN(result.idle, run_idle(options, clock, random));
  }
  if (options.growth_events > 0) {
    ASSIGN_OR_RETURN(result.growth, run_growth(options, clock, random));
  }
  ASSIGN_OR_RETURN(result.disk, measure_disk(options.folder, options.disk_each, clock));
  ASSIGN_OR_RETURN(result.burst, run_burst(options, clock, random));
  ASSIGN_OR_RETURN(result.backlog, run_backlog(options, clock, random));
  BatchLoad batches;
  batches.folder = options.folder;
  batches.events = options.batched_events;
  batches.keys = options.keys;
  batches.batch_events = options.batch_events;
  batches.in_flight = 4 * options.batch_events;
  ASSIGN_OR_RETURN(result.batches, measure_batches(batches, clock, random));
  if (options.coalesce_rate > 0) {
    CoalesceLoad load;
    load.folder = options.folder;
    load.rate = options.coalesce_rate;
    load.seconds = options.coalesce_s;
    load.keys = options.keys;
    ASSIGN_OR_RETURN(result.coalesce, measure_coalescing(load, clock, random));
  }
  ASSIGN_OR_RETURN(result.paced, run_paced(options, CountingRuntime::kCounter, options.rate, clock, random));
  if (options.step_rate > 0) {
    ASSIGN_OR_RETURN(result.steps, run_paced(options, CountingRuntime::kStepper, options.step_rate, clock, random));
  }
  if (!options.model.empty()) {
    ASSIGN_OR_RETURN(result.beside_streams, run_beside_streams(options, clock, random));
  }
  if (options.tenants > 1) {
    ASSIGN_OR_RETURN(result.tenants, run_tenants(options, clock, random));
  }
  return result;
}

}  // namespace mnema
