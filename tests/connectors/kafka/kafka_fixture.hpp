// tests/connectors/kafka/kafka_fixture.hpp
//
// The runtime on a disk of the machine, with real threads, a real broker and Kafka's source and sink: what a program is
// made of, without agents. It can be killed (what is in memory is gone) and started again over its file.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connectors/kafka/sink.hpp"
#include "connectors/kafka/source.hpp"
#include "connectors/kafka/transaction_sink.hpp"
#include "runtime/base/log.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"
#include "tests/connectors/kafka/kafka_broker.hpp"

namespace mnema::testing {

/// One process, as far as its memory goes.
class KafkaProcess {
 public:
  KafkaProcess(const std::string& folder, const Limits& limits) : limits_(limits) {
    Runtime::Options options;
    options.database.path = folder + "/mnema.db";
    options.migrations = kafka_offset_store::migrations();
    Result<std::unique_ptr<Runtime>> opened = Runtime::open(std::move(options), {loop, store}, clock, random, limits_);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    runtime = std::move(*opened);
    runtime->router().add_agent("worker");
    runtime->router().add_tenant("local");
    runtime->router().add_tenant("acme");
  }
  ~KafkaProcess() { end(); }

  void start(KafkaSourceOptions options) {
    source = std::make_unique<KafkaSource>(
        std::move(options), secrets,
        KafkaConsumerParts{loop, workers, blocking, runtime->database(), runtime->mailbox(), clock, limits_});
    const Status started = source->start([this](EventBatch batch, BatchDone done) {
      runtime->router().accept(std::move(batch), loop, std::move(done));
    });
    ASSERT_TRUE(started.ok()) << started.error().text();
  }
  void run() { loop.start(); }
  /// A sink of `topic`, for tests that deliver themselves.
  void open_sink(const std::string& brokers, const std::string& topic, bool exactly_once) {
    KafkaSinkOptions options;
    options.name = "out";
    options.client.brokers = brokers;
    options.topic = topic;
    options.timeout_ms = 20'000;
    const KafkaClient::Parts parts{secrets, blocking, clock};
    if (exactly_once) {
      sink = std::make_unique<KafkaTransactionSink>(
          std::move(options), KafkaTransactionSink::Parts{loop, runtime->database(), random, parts});
      return;
    }
    Result<std::unique_ptr<KafkaSink>> opened = KafkaSink::open(std::move(options), loop, parts);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    sink = std::move(*opened);
  }
  /// What the sink answers.
  [[nodiscard]] std::future<Status> deliver(OutboxMessage message) {
    auto answer = std::make_shared<std::promise<Status>>();
    sink->deliver(std::move(message), loop, [answer](const Status& status) { answer->set_value(status); });
    return answer->get_future();
  }
  /// Without a word to anybody.
  void end() {
    loop.stop();
    loop.join();
    for (ThreadPoolExecutor* pool : {&workers, &blocking, &store}) {
      pool->drop_queued();
      pool->stop();
    }
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

  template <class T>
  [[nodiscard]] T on_loop(const std::function<T()>& work) {
    std::promise<T> answer;
    loop.post([&] { answer.set_value(work()); });
    return answer.get_future().get();
  }
  [[nodiscard]] std::vector<Event> events(int state) {
    const auto read = runtime->database().read<std::vector<Event>>([&](Transaction& t) -> Result<std::vector<Event>> {
      std::vector<Event> all;
      ASSIGN_OR_RETURN(Statement select, t.prepare("SELECT sequence FROM mailbox WHERE state = ? ORDER BY sequence"));
      ASSIGN_OR_RETURN(const std::vector<std::int64_t> numbers, select.bind(1, state).integers());
      for (const std::int64_t number : numbers) {
        ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(t, number));
        all.push_back(std::move(row.event));
      }
      return all;
    });
    CHECK(read.ok(), "the mailbox is read");
    return *read;
  }
  [[nodiscard]] std::vector<Event> ready() { return events(0); }
  [[nodiscard]] std::vector<Event> dead() { return events(3); }
  [[nodiscard]] std::string why_dead(Sequence sequence) {
    return runtime->dead_letters().show({DeadLetterId::Kind::kEvent, sequence})->errors.at(0).error.text();
  }
  /// Takes and completes an event, as a turn does.
  void handle_one() {
    std::promise<void> handled;
    runtime->mailbox().take(loop, [&](Delivery delivery) {
      auto held = std::make_shared<Delivery>(std::move(delivery));
      runtime->database().write<void>(
          WritePriority::kForeground, [this, held](Transaction& t) { return runtime->mailbox().complete(t, *held); },
          loop,
          [&handled, held](const Status& status) {
            EXPECT_TRUE(status.ok());
            handled.set_value();
          });
    });
    handled.get_future().get();
  }

  const Limits limits_;
  SystemClock clock;
  SystemRandom random;
  SecretsStore secrets{clock};
  Loop loop;
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor workers{"workers", 2};
  ThreadPoolExecutor blocking{"blocking", 4};
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<KafkaSource> source;
  std::unique_ptr<Sink> sink;
};

class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    broker = KafkaBroker::shared();
    if (broker == nullptr) GTEST_SKIP() << "there is no Java or no Maven for a Kafka broker";
    LogOptions log;
    log.capture = [this](std::string_view line) {
      const std::scoped_lock lock(log_mutex_);
      log_ += line;
    };
    ASSERT_TRUE(configure_log(log).ok());
    folder_ = ::testing::TempDir() + "mnema-kafka-data-" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    process.reset();
    static_cast<void>(configure_log({}));
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    if (HasFailure()) std::fprintf(stderr, "%s\n", log_.c_str());
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
  /// The next process stands on what this one has on disk.
  void kill() { process.reset(); }

  static void wait_until(const std::string& what, const std::function<bool()>& is_so, int seconds = 30) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!is_so()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  void wait_for_accepted(long long count) {
    wait_until(std::to_string(count) + " records are accepted",
               [&] { return process->source->counts().accepted >= count; });
    EXPECT_EQ(process->source->counts().accepted, count);
  }
  [[nodiscard]] std::string log() {
    const std::scoped_lock lock(log_mutex_);
    return log_;
  }
  static std::vector<KafkaTestRecord> numbered(int first, int count, int keys = 4) {
    std::vector<KafkaTestRecord> records;
    for (int i = first; i < first + count; ++i) {
      records.push_back({"key-" + std::to_string(i % keys), "{\"number\":" + std::to_string(i) + "}"});
    }
    return records;
  }

  KafkaBroker* broker = nullptr;
  std::string folder_;
  std::unique_ptr<KafkaProcess> process;

 private:
  std::mutex log_mutex_;  // guards log_
  std::string log_;
};

}  // namespace mnema::testing
