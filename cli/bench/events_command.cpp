#include "cli/bench/events_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/bench/events_bench.hpp"
#include "cli/bench/latency_json.hpp"
#include "cli/exit_code.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

struct EventsFlags {
  EventsBenchOptions options;
  std::string data;
  double embedding_ms = 5;
  bool json = false;
};

boost::json::object json_of(const EventsBenchResult::Burst& burst) {
  boost::json::object cpu;
  for (const auto& [name, us] : burst.cpu_us_per_turn) cpu[name] = us;
  return {{"accepted_per_s", burst.accepted_per_s},
          {"turns_per_s", burst.turns_per_s},
          {"drain_s", burst.drain_s},
          {"units_per_turn", burst.units_per_turn},
          {"units_per_commit", burst.units_per_commit},
          {"commits_per_s", burst.commits_per_s},
          {"cpu_us_per_turn", std::move(cpu)}};
}

boost::json::object json_of(const PacedWaits& waits) {
  return {{"rate", waits.rate},
          {"accept", json_of(waits.accept)},
          {"handler", json_of(waits.handler)},
          {"turn", json_of(waits.turn)},
          {"commit", json_of(waits.commit)}};
}

boost::json::object json_of(const EventsBenchOptions& options, const EventsBenchResult& result) {
  boost::json::array groups;
  for (const DiskLimit::Group& group : result.disk.groups) {
    groups.push_back({{"rows", group.rows}, {"rows_per_s", group.rows_per_s}});
  }
  boost::json::array growth;
  for (const auto& resident : result.growth) {
    growth.push_back({{"events", resident.events}, {"rss_mib", resident.mib}});
  }
  boost::json::object all{{"events", options.events},
                          {"keys", options.keys},
                          {"in_flight", options.in_flight},
                          {"embedding_ms", std::chrono::duration<double, std::milli>(options.embedding).count()},
                          {"disk", {{"fdatasync", json_of(result.disk.fdatasync)}, {"sqlite", std::move(groups)}}},
                          {"burst", json_of(result.burst)},
                          {"backlog", json_of(result.backlog)},
                          {"batches",
                           {{"events", options.batch_events},
                            {"event_bytes", BatchLoad{}.event_bytes},
                            {"batched_per_s", result.batches.batched_per_s},
                            {"single_per_s", result.batches.single_per_s}}},
                          {"paced", json_of(result.paced)},
                          {"growth", std::move(growth)}};
  if (options.step_rate > 0) all["three_steps"] = json_of(result.steps);
  if (!options.model.empty()) {
    all["beside_streams"] = json_of(result.beside_streams.paced);
    all["beside_streams"].as_object()["streams"] = options.streams;
    all["beside_streams"].as_object()["tokens_per_s"] = result.beside_streams.tokens_per_s;
  }
  if (options.idle_agents > 0) {
    boost::json::object cpu;
    for (const auto& [name, us] : result.idle.cpu_us_per_s) cpu[name] = us;
    all["idle"] = {{"agents", result.idle.agents},
                   {"resident_bytes_each", result.idle.resident_bytes_each},
                   {"cpu_percent", result.idle.cpu_percent},
                   {"cpu_us_per_s", std::move(cpu)}};
  }
  if (options.coalesce_rate > 0) {
    all["coalesce"] = {{"rate", options.coalesce_rate},
                       {"window_ms", CoalesceLoad{}.window_ms},
                       {"accepted_per_s", result.coalesce.accepted_per_s},
                       {"turns_per_s", result.coalesce.turns_per_s},
                       {"events_per_turn", result.coalesce.events_per_turn},
                       {"staleness", json_of(result.coalesce.staleness)}};
  }
  if (options.tenants > 1) {
    all["tenants"] = {{"alone", json_of(result.tenants.alone)},
                      {"beside_burst", json_of(result.tenants.beside)},
                      {"burst_s", result.tenants.burst_s}};
  }
  return all;
}

void print_latency(const char* name, const Latency& latency) {
  fmt::print("{:<24} p50 {:>8.2f} ms   p99 {:>8.2f} ms   max {:>8.2f} ms   of {}\n", name, latency.p50_ms,
             latency.p99_ms, latency.max_ms, latency.n);
}

void print_burst(const char* name, const EventsBenchResult::Burst& burst) {
  fmt::print("{:<9}{:>8.0f} accepted/s {:>8.0f} turns/s   drained {:.2f} s after the last acknowledgement\n", name,
             burst.accepted_per_s, burst.turns_per_s, burst.drain_s);
  fmt::print("         {:.1f} store units a turn, {:.0f} units a commit, {:.0f} commits/s; CPU us a turn:",
             burst.units_per_turn, burst.units_per_commit, burst.commits_per_s);
  for (const auto& [thread, us] : burst.cpu_us_per_turn) fmt::print(" {} {:.0f}", thread, us);
  fmt::print("\n");
}

void print_waits(const PacedWaits& waits) {
  print_latency("  to acknowledgement", waits.accept);
  print_latency("  to the handler", waits.handler);
  print_latency("  to the turn's commit", waits.commit);
}

void print_text(const EventsBenchOptions& options, const EventsBenchResult& result) {
  fmt::print("bare SQLite, rows/s");
  for (const auto& group : result.disk.groups) fmt::print("   {} a commit: {:.0f}", group.rows, group.rows_per_s);
  fmt::print("\n");
  print_latency("fdatasync", result.disk.fdatasync);
  print_burst("burst", result.burst);
  print_burst("backlog", result.backlog);
  fmt::print("{:<24} {:>8.0f} events/s of {} bytes with their offset; singly {:.0f}\n",
             fmt::format("batches of {}", options.batch_events), result.batches.batched_per_s, BatchLoad{}.event_bytes,
             result.batches.single_per_s);
  if (options.coalesce_rate > 0) {
    fmt::print("coalesced in {} ms windows: {:.0f} events/s on {} keys became {:.0f} turns/s, {:.1f} events each\n",
               CoalesceLoad{}.window_ms, result.coalesce.accepted_per_s, options.keys, result.coalesce.turns_per_s,
               result.coalesce.events_per_turn);
    print_latency("  to a turn that knows", result.coalesce.staleness);
  }
  fmt::print("at {:.0f} events/s\n", result.paced.rate);
  print_waits(result.paced);
  if (!options.model.empty()) {
    fmt::print("likewise beside {} texts that {} decodes, {:.0f} tokens/s together\n", options.streams, options.model,
               result.beside_streams.tokens_per_s);
    print_waits(result.beside_streams.paced);
  }
  if (options.step_rate > 0) {
    fmt::print("at {:.0f} turns/s of three durable steps\n", result.steps.rate);
    print_waits(result.steps);
    print_latency("  of the turn alone", result.steps.turn);
  }
  if (options.idle_agents > 0) {
    fmt::print("{} idle agents: {:.0f} bytes each, {:.3f} % of a core\n", result.idle.agents,
               result.idle.resident_bytes_each, result.idle.cpu_percent);
  }
  if (!result.growth.empty()) {
    fmt::print("memory  ");
    for (const auto& resident : result.growth) fmt::print(" {}k: {:.1f} MiB", resident.events / 1000, resident.mib);
    fmt::print("\n");
  }
  if (options.tenants > 1) {
    fmt::print("one tenant's single events, while another sends {} in {:.1f} s\n", options.events,
               result.tenants.burst_s);
    print_latency("  alone", result.tenants.alone);
    print_latency("  beside the burst", result.tenants.beside);
  }
}

int run_events(const EventsFlags& flags) {
  std::error_code error;
  const bool is_ours = flags.data.empty();
  std::string folder = is_ours ? (std::filesystem::temp_directory_path(error) / "mnema-bench-XXXXXX").string()
                               : (std::filesystem::path(flags.data) / "mnema-bench-XXXXXX").string();
  if (error || ::mkdtemp(folder.data()) == nullptr) {
    return report(fail(ErrorCode::kStorage, "cannot make a folder in '" + (is_ours ? "TMPDIR" : flags.data) + "'",
                       "name one that may be written with --data DIR"),
                  kExitFailed);
  }
  LogOptions log;
  log.level = LogLevel::kError;
  if (const Status status = configure_log(std::move(log)); !status.ok()) return report(status.error(), kExitFailed);
  EventsBenchOptions options = flags.options;
  options.folder = folder;
  options.embedding = std::chrono::microseconds(static_cast<long long>(flags.embedding_ms * 1000));
  const SystemClock clock;
  SystemRandom random;
  const Result<EventsBenchResult> result = run_events_bench(options, clock, random);
  std::filesystem::remove_all(folder, error);
  if (!result.ok()) return report(result.error(), kExitFailed);
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(json_of(options, *result)));
  } else {
    print_text(options, *result);
  }
  return kExitOk;
}

}  // namespace

void add_events_bench(CLI::App& bench, int& exit_code) {
  CLI::App* events = bench.add_subcommand("events", "Rates and waiting times of durable events, beside the disk's own");
  const auto flags = std::make_shared<EventsFlags>();
  EventsBenchOptions& options = flags->options;
  events->add_option("--events", options.events, "Events of a burst, to a handler that counts them per key")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  events->add_option("--rate", options.rate, "Events a second of the steady phase")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  events->add_option("--rate-seconds", options.rate_s, "Length of the steady phase")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  events->add_option("--step-rate", options.step_rate, "Turns a second of three durable steps; 0 leaves this out")
      ->check(CLI::Range(0.0, 1e5))
      ->capture_default_str();
  events->add_option("--model", options.model, "A model that decodes beside the steady phase, once more");
  events->add_option("--streams", options.streams, "Texts that it decodes")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  events->add_option("--idle-agents", options.idle_agents, "Agents that have nothing to do; 0 leaves this out")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  events->add_option("--idle-seconds", options.idle_s, "How long they are watched")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  events->add_option("--tenants", options.tenants, "One bursts, the others send single events; 1 leaves this out")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  events->add_option("--keys", options.keys, "Keys that a burst is spread over")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  events->add_option("--in-flight", options.in_flight, "Events sent and not yet acknowledged, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  events->add_option("--batch-events", options.batch_events, "Events in one batch of a source that pulls")
      ->check(CLI::Range(1, Limits{}.accept_batch_events_max))
      ->capture_default_str();
  events
      ->add_option("--coalesce-rate", options.coalesce_rate,
                   "Events a second to an agent that coalesces its keys' events; 0 leaves this out")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  events->add_option("--growth-events", options.growth_events, "Events to watch memory over; 0 leaves this out")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
  events->add_option("--embedding-ms", flags->embedding_ms, "What a text's vector takes, if anything asks for one")
      ->check(CLI::Range(0.0, 10'000.0))
      ->capture_default_str();
  events->add_option("--data", flags->data, "Folder on the disk to measure; default: the temporary folder");
  events->add_flag("--json", flags->json, "One JSON object on standard output");
  events->footer(
      "Runs the real runtime on a data file of its own, which it removes. No sockets are involved, and no model "
      "without --model.\n"
      "The first lines say what bare SQLite does on the same disk with the same settings: no commit can be cheaper.");
  events->callback([flags, &exit_code] { exit_code = run_events(*flags); });
}

}  // namespace mnema
