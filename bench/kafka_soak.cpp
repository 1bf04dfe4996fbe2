// bench/kafka_soak.cpp
//
// A million records that wait in a topic while a program starts: how soon the first is handled, whether the mailbox's
// bound pauses fetching and lets it go on, and whether anything grows: resident memory, the database, descriptors and
// threads at the end are compared with those after the first tenth. One record in a hundred fails once and is tried
// again; one in ten thousand is no JSON and becomes a dead letter. Afterwards the program idles for a while, and its
// CPU time is taken. The cluster has had a group before.
//
//   kafka_soak [--events 1000000] [--idle-seconds 20] [--folder DIR]
//
// Exit code 0: all were handled once. What grew is printed, for a person to judge.
#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mnema/mnema.hpp>
#include <thread>
#include <vector>

#include "agents/agent_runtime.hpp"
#include "runtime/runtime.hpp"
#include "tests/support/kafka_broker.hpp"

namespace {

using namespace mnema;
using mnema::testing::KafkaBroker;
using mnema::testing::KafkaTestRecord;
using Steady = std::chrono::steady_clock;

constexpr int kFailsEach = 100;
constexpr int kPoisonEach = 10'000;

std::vector<std::atomic<unsigned char>>* tries = nullptr;  // by record
std::atomic<long long> handled = 0;
std::atomic<long long> twice = 0;
std::atomic<long long> first_handled_ns = 0;

task<Outcome> count(Ctx&, Event event) {
  const auto number =
      static_cast<std::size_t>(std::strtoll(event.data.c_str() + sizeof "{\"number\":" - 1, nullptr, 10));
  if (handled.load() == 0) first_handled_ns = Steady::now().time_since_epoch().count();
  const int before = (*tries)[number].fetch_add(1);
  if (number % kFailsEach == 7 && before == 0) throw std::runtime_error("not now");
  if (before > (number % kFailsEach == 7 ? 1 : 0)) ++twice;
  ++handled;
  co_return done();
}

struct Size {
  double resident_mib = 0;
  double database_mib = 0;
  double log_mib = 0;  // of the database: it begins anew above 64 MiB
  int descriptors = 0;
  int threads = 0;
};

int entries_of(const char* folder) {
  int count = 0;
  DIR* const opened = ::opendir(folder);
  while (opened != nullptr && ::readdir(opened) != nullptr) ++count;
  if (opened != nullptr) ::closedir(opened);
  return count;
}

Size size_now(const std::string& data) {
  Size size;
  std::ifstream memory("/proc/self/statm");
  long pages = 0;
  memory >> pages >> pages;
  size.resident_mib = static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
  std::error_code ignored;
  const auto mib_of = [&](const char* name) {
    const auto bytes = std::filesystem::file_size(data + name, ignored);
    return ignored ? 0 : static_cast<double>(bytes) / (1 << 20);
  };
  size.database_mib = mib_of("/mnema.db");
  size.log_mib = mib_of("/mnema.db-wal");
  size.descriptors = entries_of("/proc/self/fd");
  size.threads = entries_of("/proc/self/task");
  return size;
}

void print(const char* when, const Size& size) {
  fmt::print("{:<22} resident {:.1f} MiB, database {:.1f} MiB and its log {:.1f}, {} descriptors, {} threads\n", when,
             size.resident_mib, size.database_mib, size.log_mib, size.descriptors, size.threads);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  int events = 1'000'000;
  int idle_seconds = 20;
  std::string folder = "/tmp/mnema-kafka-soak";
  CLI::App app("A million records that wait while the program starts");
  app.add_option("--events", events);
  app.add_option("--idle-seconds", idle_seconds);
  app.add_option("--folder", folder);
  CLI11_PARSE(app, argc, argv);
  KafkaBroker* broker = KafkaBroker::shared();
  if (broker == nullptr) return 77;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string topic = broker->create_topic(4);
  // A cluster makes its topic of offsets when the first group of its life asks, which takes it a second.
  static_cast<void>(broker->committed("somebody-else", topic, 0));
  std::vector<KafkaTestRecord> records;
  for (int i = 0; i < events; ++i) {
    std::string value = "{\"number\":" + std::to_string(i) + ",\"text\":\"" + std::string(60, 'x') + "\"";
    if (i % kPoisonEach != 3) value += "}";
    records.push_back({"key-" + std::to_string(i % 997), std::move(value)});
    if (records.size() < 50'000 && i + 1 < events) continue;
    broker->produce(topic, records);
    records.clear();
  }
  records.shrink_to_fit();
  broker->release_admin();
  std::vector<std::atomic<unsigned char>> all_tries(static_cast<std::size_t>(events));
  tries = &all_tries;
  const long long poison = (events - 4 + kPoisonEach) / kPoisonEach;
  fmt::print("{} records wait, {} of them no JSON; the mailbox holds 50,000\n", events, poison);
  std::fflush(stdout);

  const auto start = Steady::now();
  Host host;
  host.agent("counter", count).key("{kafka_key}").stateless().on(kafka(topic).brokers(broker->address()));
  const std::string text = "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"" + folder +
                           "/data\"\n[limits]\nmailbox_rows_per_tenant_max = 50000\n[log]\nlevel = \"warning\"\n";
  Result<Config> config = parse_config(text, "soak");
  if (!config.ok()) return fmt::print(stderr, "{}\n", config.error().text()), 2;
  if (const auto failed = host.open(std::move(*config))) return fmt::print(stderr, "{}\n", failed->error.text()), 2;
  std::thread serving([&host] { host.run(); });

  Size early;
  Size most;
  long long last = 0;
  auto moved = Steady::now();
  while (handled.load() < events - poison) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const Size now = size_now(folder + "/data");
    most.resident_mib = std::max(most.resident_mib, now.resident_mib);
    most.database_mib = std::max(most.database_mib, now.database_mib);
    most.log_mib = std::max(most.log_mib, now.log_mib);
    if (early.threads == 0 && handled.load() >= events / 10) print("after the first tenth", early = now);
    if (handled.load() != last) moved = Steady::now();
    last = handled.load();
    if (Steady::now() - moved > std::chrono::minutes(2)) break;
  }
  const double seconds = std::chrono::duration<double>(Steady::now() - start).count();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const Size late = size_now(folder + "/data");
  print("at the end", late);
  print("at most", {most.resident_mib, most.database_mib, most.log_mib, late.descriptors, late.threads});
  const double cpu_before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(idle_seconds));
  const double idle_percent = 100 * (cpu_seconds() - cpu_before) / std::max(1, idle_seconds);
  const auto first = std::chrono::nanoseconds(first_handled_ns.load()) - start.time_since_epoch();
  const RuntimeCounts counts = host.runtime().runtime().counts();
  fmt::print("handled {} in {:.0f} s ({:.0f}/s), {} of them twice; dead letters {}\n", handled.load(), seconds,
             static_cast<double>(handled.load()) / seconds, twice.load(), counts.events_dead);
  fmt::print("first handled {:.2f} s after the start; idle CPU {:.2f} %\n",
             std::chrono::duration<double>(first).count(), idle_percent);
  const bool is_right = handled.load() == events - poison && twice.load() == 0 && counts.events_dead == poison;
  host.stop();
  serving.join();
  std::filesystem::remove_all(folder);
  return is_right ? 0 : 1;
}
