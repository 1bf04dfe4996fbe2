#include "connectors/kafka/transaction_sink.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "tests/connectors/kafka/kafka_fixture.hpp"
#include "tests/support/child_program.hpp"

// Kafka to Kafka while the program is killed with -9: each record in is one record out for a reader of committed ones,
// in the order of its key. The program is this one, run again as a child.

namespace mnema {
namespace {

using testing::ChildProgram;
using testing::KafkaProcess;
using testing::KafkaReadRecord;
using testing::KafkaTest;
using testing::KafkaTestRecord;

constexpr const char* kFolder = "MNEMA_KAFKA_FOLDER";
constexpr const char* kBroker = "MNEMA_KAFKA_BROKER";
constexpr const char* kTopic = "MNEMA_KAFKA_TOPIC";

/// Answers each event with one message, in the transaction that ends it.
class Echo {
 public:
  explicit Echo(KafkaProcess& process) : process_(process) {}

  void take() {
    process_.runtime->mailbox().take(process_.loop, [this](Delivery delivery) {
      const auto held = std::make_shared<Delivery>(std::move(delivery));
      process_.runtime->database().write<void>(
          WritePriority::kForeground,
          [this, held](Transaction& transaction) -> Status {
            OutboxMessage message;
            message.agent = "worker";
            message.destination = "out";
            message.key = held->event().key;
            message.idempotency_key = held->event().source + "#" + held->event().id;
            message.body = held->event().data;
            RETURN_IF_ERROR(process_.runtime->mailbox().complete(transaction, *held));
            ASSIGN_OR_RETURN(const std::int64_t row, process_.runtime->outbox().append(transaction, message));
            return row > 0 ? Status() : fail(ErrorCode::kInternal, "a row has a number");
          },
          process_.loop, [this, held](const Status&) { take(); });
    });
  }

 private:
  KafkaProcess& process_;
};

TEST(KafkaExactlyOnceChild, DISABLED_RunsUntilItIsKilled) {
  const std::string folder = std::getenv(kFolder);
  const std::string broker = std::getenv(kBroker);
  const std::string topic = std::getenv(kTopic);
  KafkaProcess process(folder, Limits{});
  KafkaSourceOptions options;
  options.name = "orders";
  options.client.brokers = broker;
  options.consumer.topics = {topic};
  options.consumer.group = "group-" + topic;
  options.mapping.agent = "worker";
  options.key_template = "{kafka_key}";
  options.client.options["session.timeout.ms"] = "6000";
  process.start(options);
  process.open_sink(broker, topic + "-out", true);
  process.runtime->outbox().start([&process](OutboxRow row, std::function<void(Status)> done) {
    process.sink->deliver(std::move(row.message), process.loop, std::move(done));
  });
  Echo echo(process);
  for (int i = 0; i < 32; ++i) echo.take();
  process.run();
  for (;;) ::pause();
}

class KafkaExactlyOnceTest : public KafkaTest {
 protected:
  [[nodiscard]] ChildProgram begin(const std::string& topic) const {
    return ChildProgram("KafkaExactlyOnceChild.DISABLED_RunsUntilItIsKilled",
                        {{kFolder, folder_}, {kBroker, broker->address()}, {kTopic, topic}});
  }
};

TEST_F(KafkaExactlyOnceTest, IsOneRecordOutForOneInWhileTheProgramIsKilled) {
  const bool is_campaign = std::getenv("MNEMA_CAMPAIGN") != nullptr;
  const int events = is_campaign ? 20'000 : 2'000;
  const int kills = is_campaign ? 50 : 8;
  const int broker_kills = is_campaign ? 5 : 1;
  const std::string topic = broker->create_topic(2);
  broker->create_topic(topic + "-out", 2);
  SystemRandom random;
  int produced = 0;
  const auto produce = [&](int count) {
    broker->produce(topic, numbered(produced, count, 16));
    produced += count;
  };
  for (int kill_number = 0; kill_number < kills; ++kill_number) {
    produce(events / kills);
    ChildProgram child = begin(topic);
    const bool kills_broker = broker_kills > 0 && kill_number % std::max(1, kills / broker_kills) == 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(400 + random.next_u64() % 3'000));
    if (kills_broker) broker->kill();
    if (kills_broker) broker->start();
    child.kill();
  }
  produce(events - produced);
  ChildProgram child = begin(topic);
  std::vector<KafkaReadRecord> records;
  wait_until(
      "all are answered",
      [&] {
        std::this_thread::sleep_for(std::chrono::seconds(1));
        records = broker->read(topic + "-out");
        return records.size() >= static_cast<std::size_t>(events);
      },
      120);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  records = broker->read(topic + "-out");
  child.kill();
  std::map<std::string, int> times;
  std::map<std::string, int> last;
  for (const KafkaReadRecord& record : records) {
    ++times[record.value];
    const int number = std::stoi(record.value.substr(10));
    const auto [before, is_first] = last.try_emplace(record.key, -1);
    EXPECT_LT(before->second, number) << record.key;
    before->second = number;
  }
  EXPECT_EQ(times.size(), static_cast<std::size_t>(events));
  EXPECT_EQ(records.size(), static_cast<std::size_t>(events));
  std::printf("%zu records of %d events after %d kills of the program and %d of the broker\n", records.size(), events,
              kills, broker_kills);
}

}  // namespace
}  // namespace mnema
