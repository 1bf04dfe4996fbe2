// bench/rabbitmq_bench.cpp
//
// How fast messages of a real broker become durable events, beside what could be: a bare consumer by librabbitmq that
// acknowledges and does nothing with them, with the same prefetch. Each alternates with the other, `--runs` times;
// medians are printed. And how fast outbox messages are confirmed.
//
//   rabbitmq_bench [--events 50000] [--bytes 400] [--prefetch 2000] [--runs 3] [--folder DIR] [--queue-type classic]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/timed_runs.hpp"
#include "tests/connectors/rabbitmq/rabbitmq_fixture.hpp"

namespace {

using namespace mnema;
using mnema::bench::Clock;
using mnema::bench::median;
using mnema::bench::seconds_since;
using mnema::testing::RabbitmqBroker;
using mnema::testing::RabbitmqProcess;
using mnema::testing::RabbitmqTestMessage;

struct Load {
  int events = 50'000;
  int bytes = 400;
  int prefetch = 2'000;
  int runs = 3;
  std::string folder = "/tmp/mnema-rabbitmq-bench";
  std::string queue_type = "classic";
};

std::vector<RabbitmqTestMessage> messages(const Load& load) {
  std::vector<RabbitmqTestMessage> all;
  for (int i = 0; i < load.events; ++i) {
    std::string text = "{\"number\":" + std::to_string(i) + ",\"text\":\"";
    text.append(static_cast<std::size_t>(std::max(0, load.bytes - static_cast<int>(text.size()) - 2)), 'x');
    all.push_back({text + "\"}", "id-" + std::to_string(i), {{"key", "key-" + std::to_string(i % 1'000)}}});
  }
  return all;
}

RabbitmqClientOptions client(const RabbitmqBroker& broker) {
  RabbitmqClientOptions options;
  options.brokers = *parse_rabbitmq_brokers(broker.address(), false);
  options.username = RabbitmqBroker::kUser;
  options.password = *SecretReference::parse("env:MNEMA_TEST_RABBITMQ_PASSWORD");
  return options;
}

double bare_consumer(RabbitmqBroker& broker, const std::string& queue, const Load& load) {
  const auto start = Clock::now();
  CHECK(broker.count(queue, load.events, load.prefetch) == load.events, "all are read");
  return load.events / seconds_since(start);
}

double source(RabbitmqBroker& broker, const std::string& queue, const Load& load) {
  std::filesystem::remove_all(load.folder + "/data");
  std::filesystem::create_directories(load.folder + "/data");
  Limits limits;
  limits.mailbox_rows_per_key_max = limits.mailbox_rows_max;
  RabbitmqProcess process(load.folder + "/data", limits);
  RabbitmqSourceOptions options;
  options.name = "bench";
  options.client = client(broker);
  options.consumer.queue = queue;
  options.consumer.prefetch_max = load.prefetch;
  options.mapping.agent = "worker";
  options.key_template = "{key}";
  process.start(std::move(options));
  const auto start = Clock::now();
  process.run();
  while (process.source->counts().accepted < load.events) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return load.events / seconds_since(start);
}

double sink(RabbitmqBroker& broker, const std::string& queue, const Load& load) {
  std::filesystem::remove_all(load.folder + "/data");
  std::filesystem::create_directories(load.folder + "/data");
  RabbitmqProcess process(load.folder + "/data", Limits{});
  RabbitmqSinkOptions options;
  options.name = "bench";
  options.client = client(broker);
  options.routing_key = queue;
  process.open_sink(std::move(options));
  process.run();
  const std::vector<RabbitmqTestMessage> all = messages(load);
  std::vector<std::future<Status>> answers;
  const auto start = Clock::now();
  for (const RabbitmqTestMessage& of : all) {
    OutboxMessage message;
    message.agent = "worker";
    message.key = of.headers.front().second;
    message.idempotency_key = of.id;
    message.body = of.body;
    answers.push_back(process.deliver(std::move(message)));
  }
  for (auto& answer : answers) CHECK(answer.get().ok(), "it is confirmed");
  return load.events / seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  CLI::App app("RabbitMQ to durable events, beside a bare consumer");
  app.add_option("--events", load.events);
  app.add_option("--bytes", load.bytes);
  app.add_option("--prefetch", load.prefetch);
  app.add_option("--runs", load.runs);
  app.add_option("--folder", load.folder);
  app.add_option("--queue-type", load.queue_type);
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(load.folder);
  ::setenv("MNEMA_TEST_RABBITMQ_PASSWORD", RabbitmqBroker::kPassword, 1);
  RabbitmqBroker* broker = RabbitmqBroker::shared();
  if (broker == nullptr) return 77;
  const std::string queue = broker->create_queue({{"x-queue-type", load.queue_type}});
  const std::vector<RabbitmqTestMessage> all = messages(load);
  std::vector<double> consumed, taken, written;
  for (int run = 0; run < load.runs; ++run) {
    broker->publish(queue, all);
    consumed.push_back(bare_consumer(*broker, queue, load));
    broker->publish(queue, all);
    taken.push_back(source(*broker, queue, load));
    written.push_back(sink(*broker, queue, load));
    CHECK(broker->count(queue, load.events, load.prefetch) == load.events, "all are there");
    fmt::print("run {}: consumer {:.0f}/s, RabbitMQ to durable events {:.0f}/s, confirmed {:.0f}/s\n", run + 1,
               consumed.back(), taken.back(), written.back());
    std::fflush(stdout);
  }
  fmt::print("median: consumer {:.0f}/s, RabbitMQ to durable events {:.0f}/s, confirmed {:.0f}/s\n", median(consumed),
             median(taken), median(written));
  std::filesystem::remove_all(load.folder);
  return 0;
}
