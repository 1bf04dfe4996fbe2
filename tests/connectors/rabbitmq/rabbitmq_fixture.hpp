// tests/connectors/rabbitmq/rabbitmq_fixture.hpp
//
// A process (broker_process.hpp) with RabbitMQ's source and sink, and a real broker.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/rabbitmq/sink.hpp"
#include "connectors/rabbitmq/source.hpp"
#include "tests/connectors/broker_fixture.hpp"
#include "tests/connectors/broker_process.hpp"
#include "tests/support/rabbitmq_broker.hpp"

namespace mnema::testing {

class RabbitmqProcess : public BrokerProcess {
 public:
  RabbitmqProcess(const std::string& folder, const Limits& limits) : BrokerProcess(folder, limits, {}) {}
  ~RabbitmqProcess() { end(); }

  [[nodiscard]] RabbitmqClientParts client() { return {loop, blocking, secrets, clock, random, limits_}; }
  void start(RabbitmqSourceOptions options) {
    Result<std::unique_ptr<RabbitmqSource>> opened = RabbitmqSource::open(
        std::move(options), client(), RabbitmqConsumerParts{loop, workers, runtime->mailbox(), clock, random, limits_});
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    source = std::move(*opened);
    ASSERT_TRUE(source->start(accept()).ok());
  }
  void open_sink(RabbitmqSinkOptions options) {
    Result<std::unique_ptr<RabbitmqSink>> opened = RabbitmqSink::open(std::move(options), client());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    sink = std::move(*opened);
  }
  /// Without a word to anybody.
  void end() {
    stop_threads();
    source.reset();
    sink.reset();
    if (runtime) runtime->close();
  }

  std::unique_ptr<RabbitmqSource> source;
};

class RabbitmqTest : public BrokerTest<RabbitmqProcess> {
 protected:
  void SetUp() override {
    broker = RabbitmqBroker::shared();
    if (broker == nullptr) GTEST_SKIP() << "there is no RabbitMQ";
    BrokerTest::SetUp();
    ::setenv("MNEMA_TEST_RABBITMQ_PASSWORD", RabbitmqBroker::kPassword, 1);
  }

  [[nodiscard]] static RabbitmqClientOptions client(const std::string& address, bool is_tls = false) {
    RabbitmqClientOptions options;
    options.brokers = *parse_rabbitmq_brokers(address, is_tls);
    options.username = RabbitmqBroker::kUser;
    options.password = *SecretReference::parse("env:MNEMA_TEST_RABBITMQ_PASSWORD");
    options.tls = is_tls;
    return options;
  }
  [[nodiscard]] RabbitmqSourceOptions options(const std::string& queue) const {
    RabbitmqSourceOptions options;
    options.name = "orders";
    options.client = client(broker->address());
    options.consumer.queue = queue;
    options.mapping.agent = "worker";
    options.key_template = "{key}";
    return options;
  }
  [[nodiscard]] RabbitmqSinkOptions sink_options(const std::string& queue) const {
    RabbitmqSinkOptions options;
    options.name = "out";
    options.client = client(broker->address());
    options.routing_key = queue;
    options.timeout_ms = 20'000;
    return options;
  }
  void boot(const RabbitmqSourceOptions& options, const Limits& limits = {}) {
    process.reset();
    process = std::make_unique<RabbitmqProcess>(folder_, limits);
    process->start(options);
    process->run();
  }
  void boot(const RabbitmqSinkOptions& options) {
    process.reset();
    process = std::make_unique<RabbitmqProcess>(folder_, Limits{});
    process->open_sink(options);
    process->run();
  }

  static std::vector<RabbitmqTestMessage> numbered(int first, int count, int keys = 4) {
    std::vector<RabbitmqTestMessage> messages;
    for (int i = first; i < first + count; ++i) {
      messages.push_back({"{\"number\":" + std::to_string(i) + "}",
                          "id-" + std::to_string(i),
                          {{"key", "key-" + std::to_string(i % keys)}}});
    }
    return messages;
  }
  static std::set<std::string> data_of(const std::vector<Event>& events) {
    std::set<std::string> all;
    for (const Event& event : events) all.insert(event.data);
    return all;
  }

  RabbitmqBroker* broker = nullptr;
};

}  // namespace mnema::testing
