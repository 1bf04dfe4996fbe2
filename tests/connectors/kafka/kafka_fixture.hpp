// tests/connectors/kafka/kafka_fixture.hpp
//
// A process (broker_process.hpp) with Kafka's source and sink, and a real broker.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/sink.hpp"
#include "connectors/kafka/source.hpp"
#include "connectors/kafka/transaction_sink.hpp"
#include "tests/connectors/broker_fixture.hpp"
#include "tests/connectors/broker_process.hpp"
#include "tests/support/kafka_broker.hpp"

namespace mnema::testing {

class KafkaProcess : public BrokerProcess {
 public:
  KafkaProcess(const std::string& folder, const Limits& limits)
      : BrokerProcess(folder, limits, kafka_offset_store::migrations()) {}
  ~KafkaProcess() { end(); }

  /// With `accept`: who takes its batches, instead of the router.
  void start(KafkaSourceOptions options, Accept accept = {}) {
    source = std::make_unique<KafkaSource>(
        std::move(options), secrets, loop,
        KafkaConsumerParts{loop, workers, blocking, runtime->database(), runtime->mailbox(), clock, random, limits_});
    const Status started = source->start(accept ? std::move(accept) : this->accept());
    ASSERT_TRUE(started.ok()) << started.error().text();
  }
  /// A sink of `topic`, for tests that deliver themselves.
  void open_sink(const std::string& brokers, const std::string& topic, bool exactly_once,
                 const std::string& record_key = "") {
    KafkaSinkOptions options;
    options.name = "out";
    options.client.brokers = brokers;
    options.topic = topic;
    options.record_key = record_key;
    options.timeout_ms = 20'000;
    const KafkaClient::Parts parts{secrets, blocking, clock, limits_};
    if (exactly_once) {
      sink = std::make_unique<KafkaTransactionSink>(
          std::move(options), KafkaTransactionSink::Parts{loop, runtime->database(), random, parts});
      return;
    }
    Result<std::unique_ptr<KafkaSink>> opened = KafkaSink::open(std::move(options), loop, parts);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    sink = std::move(*opened);
  }
  /// Without a word to anybody.
  void end() {
    stop_threads();
    source.reset();
    sink.reset();
    if (runtime) runtime->close();
  }
  /// As a program that is asked to end.
  void drain_and_end() {
    source->drain();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    end();
  }

  std::unique_ptr<KafkaSource> source;
};

class KafkaTest : public BrokerTest<KafkaProcess> {
 protected:
  void SetUp() override {
    broker = KafkaBroker::shared();
    if (broker == nullptr) GTEST_SKIP() << "there is no Java or no Maven for a Kafka broker";
    BrokerTest::SetUp();
  }

  [[nodiscard]] KafkaSourceOptions options(const std::string& topic) const {
    KafkaSourceOptions options;
    options.name = "orders";
    options.client.brokers = broker->address();
    options.consumer.topics = {topic};
    options.consumer.group = "group-" + topic;
    options.mapping.agent = "worker";
    options.key_template = "{kafka_key}";
    return options;
  }
  void boot(const KafkaSourceOptions& options, const Limits& limits = {}) {
    process.reset();
    process = std::make_unique<KafkaProcess>(folder_, limits);
    process->start(options);
    process->run();
  }

  static std::vector<KafkaTestRecord> numbered(int first, int count, int keys = 4) {
    std::vector<KafkaTestRecord> records;
    for (int i = first; i < first + count; ++i) {
      records.push_back({"key-" + std::to_string(i % keys), "{\"number\":" + std::to_string(i) + "}"});
    }
    return records;
  }

  KafkaBroker* broker = nullptr;
};

}  // namespace mnema::testing
