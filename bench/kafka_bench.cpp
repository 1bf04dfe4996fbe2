// bench/kafka_bench.cpp
//
// How fast records of a real broker become durable events, beside what could be: a bare librdkafka consumer that does
// nothing with them, and a bare SQLite insert of the same rows in transactions of the same size, on the same disk. Each
// alternates with the others, `--runs` times; medians are printed.
//
//   kafka_bench [--events 200000] [--bytes 400] [--keys 1000] [--runs 3] [--folder DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/timed_runs.hpp"
#include "tests/connectors/kafka/kafka_fixture.hpp"

namespace {

using namespace mnema;
using mnema::bench::Clock;
using mnema::bench::median;
using mnema::bench::seconds_since;
using mnema::testing::KafkaBroker;
using mnema::testing::KafkaProcess;
using mnema::testing::KafkaTestRecord;

struct Load {
  int events = 200'000;
  int bytes = 400;
  int keys = 1'000;
  int runs = 3;
  std::string folder = "/tmp/mnema-kafka-bench";
};

std::string payload(int number, int bytes) {
  std::string text = "{\"number\":" + std::to_string(number) + ",\"text\":\"";
  text.append(static_cast<std::size_t>(std::max(0, bytes - static_cast<int>(text.size()) - 2)), 'x');
  return text + "\"}";
}

double bare_consumer(KafkaBroker& broker, const std::string& topic, int events) {
  const auto start = Clock::now();
  const long long read = broker.count(topic, events);
  CHECK(read == events, "all are read");
  return events / seconds_since(start);
}

double bare_sqlite(const Load& load) {
  const std::string path = load.folder + "/bare.db";
  std::filesystem::remove(path);
  auto connection = SqliteConnection::open(path, SqliteConnection::Mode::kReadWriteCreate);
  CHECK(connection.ok(), "the file opens");
  SqliteConnection& db = **connection;
  CHECK(db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                   "CREATE TABLE rows (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, key TEXT, data BLOB)")
            .ok(),
        "it is set up");
  const auto start = Clock::now();
  for (int at = 0; at < load.events;) {
    CHECK(db.execute("BEGIN IMMEDIATE").ok(), "begins");
    for (int i = 0; i < 1'000 && at < load.events; ++i, ++at) {
      auto insert = db.prepare("INSERT INTO rows (id, key, data) VALUES (?, ?, ?)");
      const std::string id = "1-" + std::to_string(at);
      const std::string key = "key-" + std::to_string(at % load.keys);
      const std::string data = payload(at, load.bytes);
      insert->bind(1, std::string_view(id)).bind(2, std::string_view(key)).bind_blob(3, data);
      CHECK(insert->run().ok(), "inserts");
    }
    CHECK(db.execute("COMMIT").ok(), "commits");
  }
  return load.events / seconds_since(start);
}

double source(KafkaBroker& broker, const std::string& topic, const Load& load) {
  std::filesystem::remove_all(load.folder + "/data");
  std::filesystem::create_directories(load.folder + "/data");
  Limits limits;
  limits.mailbox_rows_per_key_max = limits.mailbox_rows_max;
  limits.mailbox_rows_per_tenant_max = limits.mailbox_rows_max / 2;
  KafkaProcess process(load.folder + "/data", limits);
  KafkaSourceOptions options;
  options.name = "bench";
  options.client.brokers = broker.address();
  options.consumer.topics = {topic};
  options.consumer.group = "bench-" + std::to_string(Clock::now().time_since_epoch().count());
  options.mapping.agent = "worker";
  options.key_template = "{kafka_key}";
  process.start(std::move(options));
  process.run();
  while (process.source->counts().accepted == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
  const auto start = Clock::now();
  const long long before = process.source->counts().accepted;
  while (process.source->counts().accepted < load.events) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return static_cast<double>(load.events - before) / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  CLI::App app("Kafka to durable events, beside a bare consumer and a bare insert");
  app.add_option("--events", load.events);
  app.add_option("--bytes", load.bytes);
  app.add_option("--keys", load.keys);
  app.add_option("--runs", load.runs);
  app.add_option("--folder", load.folder);
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(load.folder);
  KafkaBroker* broker = KafkaBroker::shared();
  if (broker == nullptr) return 77;
  const std::string topic = broker->create_topic(4);
  std::vector<KafkaTestRecord> records;
  for (int i = 0; i < load.events; ++i) {
    records.push_back({"key-" + std::to_string(i % load.keys), payload(i, load.bytes)});
  }
  broker->produce(topic, records);
  std::vector<double> consumed, inserted, taken;
  for (int run = 0; run < load.runs; ++run) {
    consumed.push_back(bare_consumer(*broker, topic, load.events));
    inserted.push_back(bare_sqlite(load));
    taken.push_back(source(*broker, topic, load));
    fmt::print("run {}: consumer {:.0f}/s, insert {:.0f}/s, Kafka to durable events {:.0f}/s\n", run + 1,
               consumed.back(), inserted.back(), taken.back());
    std::fflush(stdout);
  }
  fmt::print("median: consumer {:.0f}/s, insert {:.0f}/s, Kafka to durable events {:.0f}/s\n", median(consumed),
             median(inserted), median(taken));
  std::filesystem::remove_all(load.folder);
  return 0;
}
