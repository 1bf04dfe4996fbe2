#include "connectors/kafka/sink.hpp"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>

#include <map>

#include "connectors/kafka/transaction_store.hpp"
#include "tests/connectors/kafka/kafka_fixture.hpp"

namespace mnema {
namespace {

using testing::KafkaProcess;
using testing::KafkaReadRecord;
using testing::KafkaTest;

OutboxMessage message(int number, const std::string& key = "k") {
  OutboxMessage message;
  message.agent = "worker";
  message.destination = "out";
  message.key = key;
  message.idempotency_key = "id-" + std::to_string(number);
  message.body = std::to_string(number);
  message.row = number;
  return message;
}

class KafkaSinkTest : public KafkaTest {
 protected:
  void open(const std::string& topic, bool exactly_once) {
    process.reset();
    process = std::make_unique<KafkaProcess>(folder_, Limits{});
    process->open_sink(broker->address(), topic, exactly_once);
    process->run();
  }
  static std::map<std::string, int> times(const std::vector<KafkaReadRecord>& records) {
    std::map<std::string, int> counts;
    for (const KafkaReadRecord& record : records) ++counts[record.headers.at("idempotency-key")];
    return counts;
  }
  /// The outbox has the rows of these, so that what is known of them is kept.
  void add_rows(int first, int last) {
    const Result<bool> added = process->runtime->database().write_and_wait<bool>([&](Transaction& t) -> Result<bool> {
      for (int number = first; number <= last; ++number) {
        ASSIGN_OR_RETURN(const std::int64_t row, process->runtime->outbox().append(t, message(number)));
        CHECK(row == number, "rows are numbered from 1");
      }
      return true;
    });
    ASSERT_TRUE(added.ok());
  }
};

TEST_F(KafkaSinkTest, WritesAMessageAsARecord) {
  const std::string topic = broker->create_topic(2);
  open(topic, false);
  OutboxMessage first = message(1, "customer-7");
  first.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(process->deliver(first).get().ok());
  const std::vector<KafkaReadRecord> records = broker->read(topic);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].key, "customer-7");
  EXPECT_EQ(records[0].value, "1");
  EXPECT_EQ(records[0].headers.at("idempotency-key"), "id-1");
  EXPECT_EQ(records[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(records[0].headers.at("mnema-agent"), "worker");
  EXPECT_EQ(records[0].headers.at("traceparent"), first.traceparent);
}

TEST_F(KafkaSinkTest, MakesTheKeyOfARecordByATemplateAndRefusesAMessageWithoutThePlace) {
  for (const bool exactly_once : {false, true}) {
    const std::string topic = broker->create_topic(1);
    process.reset();
    process = std::make_unique<KafkaProcess>(folder_, Limits{});
    process->open_sink(broker->address(), topic, exactly_once, "{/customer}-{agent}");
    process->run();
    OutboxMessage good = message(1);
    good.body = R"({"customer": "anna"})";
    auto refused = process->deliver(message(2));  // its body is a number
    auto written = process->deliver(good);
    const Status status = refused.get();
    ASSERT_FALSE(status.ok());
    EXPECT_FALSE(status.error().retryable) << "a dead letter at once";
    EXPECT_NE(status.error().text().find("/customer"), std::string::npos) << status.error().text();
    ASSERT_TRUE(written.get().ok());
    const std::vector<KafkaReadRecord> records = broker->read(topic);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].key, "anna-worker");
  }
}

TEST_F(KafkaSinkTest, RefusesForGoodWhatIsTooLargeAndWritesTheOthers) {
  for (const bool exactly_once : {false, true}) {
    const std::string topic = broker->create_topic(1);
    open(topic, exactly_once);
    OutboxMessage large = message(1, "a");
    large.body.assign(2 << 20, 'x');
    auto refused = process->deliver(large);
    auto other = process->deliver(message(2, "b"));
    const Status status = refused.get();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument) << status.error().text();
    EXPECT_FALSE(status.error().retryable);
    if (Status written = other.get(); !written.ok()) {
      EXPECT_TRUE(written.error().retryable) << "it was in the same transaction";
      ASSERT_TRUE(process->deliver(message(2, "b")).get().ok());
    }
    EXPECT_EQ(broker->read(topic).size(), 1U);
  }
}

TEST_F(KafkaSinkTest, CancelsWhatWaitsForABrokerThatIsAway) {
  const std::string topic = broker->create_topic(1);
  open(topic, false);
  ASSERT_TRUE(process->deliver(message(1)).get().ok());
  broker->kill();
  auto waiting = process->deliver(message(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  process->sink->stop();
  const Status status = waiting.get();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kCancelled) << status.error().text();
  const Status late = process->deliver(message(3)).get();
  EXPECT_EQ(late.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(late.error().never_left);
  broker->start();
}

TEST_F(KafkaSinkTest, AnswersWhatWaitsInAProducerThatCannotGoOnAndOpensAnother) {
  const std::unique_ptr<rd_kafka_t, KafkaDestroy<rd_kafka_destroy>> host(
      rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0));
  const std::unique_ptr<rd_kafka_mock_cluster_t, KafkaDestroy<rd_kafka_mock_cluster_destroy>> cluster(
      rd_kafka_mock_cluster_new(host.get(), 1));
  constexpr std::int16_t kInitProducerId = 22;  // of the protocol
  for (int round = 0; round < 2; ++round) {
    // Fatal for an idempotent producer.
    rd_kafka_mock_push_request_errors(cluster.get(), kInitProducerId, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    process.reset();
    process = std::make_unique<KafkaProcess>(folder_, Limits{});
    process->open_sink(rd_kafka_mock_cluster_bootstraps(cluster.get()), "out", false);
    process->run();
    // The loop is busy, so that no report is read before another producer is asked for.
    std::promise<void> goes_on;
    process->loop.post([busy = goes_on.get_future().share()] { busy.wait(); });
    std::vector<std::future<Status>> waiting;
    for (int number = 1; number <= 200; ++number) waiting.push_back(process->deliver(message(number)));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    waiting.push_back(process->deliver(message(201)));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    goes_on.set_value();
    wait_until("another one writes", [&] { return process->deliver(message(202)).get().ok(); });
    for (auto& answer : waiting) {
      ASSERT_EQ(answer.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "each is answered";
      const Status status = answer.get();
      ASSERT_FALSE(status.ok());
      EXPECT_TRUE(status.error().retryable) << status.error().text();
    }
  }
  process.reset();
}

TEST_F(KafkaSinkTest, WritesMessagesThatComeTogetherInOneTransaction) {
  const std::string topic = broker->create_topic(2);
  open(topic, true);
  std::vector<std::future<Status>> answers;
  for (int number = 1; number <= 50; ++number) answers.push_back(process->deliver(message(number)));
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  const auto counts = times(broker->read(topic));
  EXPECT_EQ(counts.size(), 50U);
  for (const auto& [key, count] : counts) EXPECT_EQ(count, 1) << key;
}

TEST_F(KafkaSinkTest, SendsNothingAgainThatWasCommittedBeforeACrash) {
  const std::string topic = broker->create_topic(1);
  open(topic, true);
  add_rows(1, 20);
  std::vector<std::future<Status>> answers;
  for (int number = 1; number <= 20; ++number) answers.push_back(process->deliver(message(number)));
  for (auto& answer : answers) ASSERT_TRUE(answer.get().ok());
  // The outbox has not removed them when the process dies.
  open(topic, true);
  answers.clear();
  for (int number = 1; number <= 20; ++number) answers.push_back(process->deliver(message(number)));
  for (int number = 21; number <= 25; ++number) answers.push_back(process->deliver(message(number)));
  for (auto& answer : answers) ASSERT_TRUE(answer.get().ok());
  const auto counts = times(broker->read(topic));
  EXPECT_EQ(counts.size(), 25U);
  for (const auto& [key, count] : counts) EXPECT_EQ(count, 1) << key;
}

TEST_F(KafkaSinkTest, SendsAgainAfterACrashWhatWasAbortedBeforeOthersWereCommitted) {
  const std::string topic = broker->create_topic(1);
  open(topic, true);
  add_rows(1, 3);
  OutboxMessage large = message(2);
  large.body.assign(2 << 20, 'x');
  auto first = process->deliver(message(1));
  auto refused = process->deliver(large);
  ASSERT_FALSE(refused.get().ok());
  ASSERT_FALSE(first.get().ok()) << "it was in the same transaction";
  ASSERT_TRUE(process->deliver(message(3)).get().ok());
  open(topic, true);  // both wait in the outbox, or for a redrive, when the process dies
  ASSERT_TRUE(process->deliver(message(1)).get().ok());
  const Status still_refused = process->deliver(large).get();
  ASSERT_FALSE(still_refused.ok()) << "it was never written";
  EXPECT_EQ(still_refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(times(broker->read(topic)), (std::map<std::string, int>{{"id-1", 1}, {"id-3", 1}}));
}

TEST_F(KafkaSinkTest, AsksAPersonForWhatTheBrokerHasForgottenAlsoAfterLaterCommits) {
  const std::string topic = broker->create_topic(1);
  open(topic, true);
  add_rows(1, 3);
  ASSERT_TRUE(process->deliver(message(3)).get().ok());
  // As if a week had passed: the broker knows no number of this producer any more, and one transaction was begun.
  const Status aged = process->runtime->database().write_and_wait<void>([](Transaction& t) -> Status {
    RETURN_IF_ERROR(t.connection().execute("UPDATE kafka_producers SET id = id || '-aged', committed = 5"));
    return kafka_transaction_store::begin(t, "out", {{6, 1, "id-1"}});
  });
  ASSERT_TRUE(aged.ok()) << aged.error().text();
  open(topic, true);
  const Status in_doubt = process->deliver(message(1)).get();
  ASSERT_FALSE(in_doubt.ok());
  EXPECT_EQ(in_doubt.error().code, ErrorCode::kInDoubt);
  ASSERT_TRUE(process->deliver(message(2)).get().ok()) << "a transaction with a higher number";
  open(topic, true);
  EXPECT_EQ(process->deliver(message(1)).get().error().code, ErrorCode::kInDoubt) << "nobody has decided";
  EXPECT_TRUE(process->deliver(message(1)).get().ok()) << "redriven";
  const auto counts = times(broker->read(topic));
  EXPECT_EQ(counts.count("id-1"), 1U);
  EXPECT_EQ(counts.at("id-2"), 1);
}

TEST_F(KafkaSinkTest, IsFencedByAnotherProgramUnderItsId) {
  const std::string topic = broker->create_topic(1);
  open(topic, true);
  ASSERT_TRUE(process->deliver(message(1)).get().ok());
  // Over the same data: what a copied folder would be.
  KafkaSinkOptions options;
  options.name = "out";
  options.client.brokers = broker->address();
  options.topic = topic;
  const KafkaClient::Parts parts{process->secrets, process->blocking, process->clock, process->limits_};
  std::unique_ptr<Sink> zombie = std::move(process->sink);
  process->sink = std::make_unique<KafkaTransactionSink>(
      options, KafkaTransactionSink::Parts{process->loop, process->runtime->database(), process->random, parts});
  ASSERT_TRUE(process->deliver(message(2)).get().ok());
  std::promise<Status> answer;
  zombie->deliver(message(3), process->loop, [&](const Status& status) { answer.set_value(status); });
  const Status fenced = answer.get_future().get();
  ASSERT_FALSE(fenced.ok());
  EXPECT_TRUE(fenced.error().retryable);
  EXPECT_TRUE(zombie->problem().has_value());
  ASSERT_TRUE(process->deliver(message(4)).get().ok()) << "the newer one goes on";
  EXPECT_EQ(times(broker->read(topic)), (std::map<std::string, int>{{"id-1", 1}, {"id-2", 1}, {"id-4", 1}}));
  process->loop.stop();
  process->loop.join();
  zombie.reset();
}

}  // namespace
}  // namespace mnema
