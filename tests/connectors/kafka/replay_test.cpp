#include "connectors/kafka/replay.hpp"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "connectors/kafka/client_member.hpp"
#include "tests/connectors/kafka/kafka_fixture.hpp"

namespace mnema {
namespace {

using testing::KafkaProcess;
using testing::KafkaTest;
using testing::KafkaTestRecord;

/// An hour ago, so that no topic's retention deletes what is of then.
std::int64_t begun_at_ms() {
  static const std::int64_t at = to_micros(SystemClock().now()) / 1'000'000 * 1'000 - 3'600'000;
  return at;
}

class KafkaReplayTest : public KafkaTest {
 protected:
  /// Record i of a topic of one partition is of the second i.
  void produce(const std::string& topic, int first, int count) {
    std::vector<KafkaTestRecord> records = numbered(first, count);
    for (int i = 0; i < count; ++i) {
      records[static_cast<std::size_t>(i)].timestamp_ms = begun_at_ms() + (first + i) * 1'000;
    }
    broker->produce(topic, records);
  }
  [[nodiscard]] static ReplayRequest from_second(int second) {
    ReplayRequest request;
    request.from = Time{std::chrono::milliseconds(begun_at_ms() + second * 1'000)};
    return request;
  }
  [[nodiscard]] static ReplayRequest from_offset(std::int64_t offset, std::int32_t partition = 0) {
    ReplayRequest request;
    request.offset = offset;
    request.partition = partition;
    return request;
  }
  [[nodiscard]] Result<ReplayReport> replay(const ReplayRequest& request) {
    std::promise<Result<ReplayReport>> answer;
    process->source->replay(request, [&](Result<ReplayReport> report) { answer.set_value(std::move(report)); });
    return answer.get_future().get();
  }
  /// How often each record has become an event.
  [[nodiscard]] std::map<std::string, int> times() {
    std::map<std::string, int> all;
    for (const Event& event : process->ready()) ++all[event.data];
    return all;
  }
  void expect_twice_from(int first, int count) {
    const std::map<std::string, int> seen = times();
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      const std::string data = "{\"number\":" + std::to_string(i) + "}";
      ASSERT_TRUE(seen.contains(data)) << data;
      EXPECT_EQ(seen.at(data), i < first ? 1 : 2) << data;
    }
  }
  /// By the parts of `resting`, which reads nothing, or should not.
  [[nodiscard]] Result<ReplayReport> at_rest(KafkaProcess& resting, const std::string& topic,
                                             const ReplayRequest& request) const {
    const std::string group = options(topic).consumer.group;
    auto client = *KafkaClient::open(RD_KAFKA_CONSUMER, "orders", options(topic).client, {{"group.id", group}}, 0,
                                     {resting.secrets, resting.blocking, resting.clock, resting.limits_});
    KafkaClientMember member(resting.loop, std::move(client), group);
    return replay_kafka_at_rest(member, group, options(topic).consumer.topics, resting.runtime->database(), request);
  }
  [[nodiscard]] Result<ReplayReport> replay_at_rest(const std::string& topic, const ReplayRequest& request) const {
    KafkaProcess resting(folder_, Limits{});
    return at_rest(resting, topic, request);
  }
};

TEST_F(KafkaReplayTest, BringsWhatCameFromATimeOnOnceMoreWhileItReads) {
  const std::string topic = broker->create_topic(1);
  produce(topic, 0, 100);
  boot(options(topic));
  wait_for_accepted(100);
  ReplayRequest dry = from_second(40);
  dry.dry_run = true;
  const Result<ReplayReport> shown = replay(dry);
  ASSERT_TRUE(shown.ok()) << shown.error().text();
  ASSERT_EQ(shown->parts.size(), 1U);
  EXPECT_EQ(shown->parts[0].place, topic + "/0");
  EXPECT_EQ(shown->parts[0].from, 40);
  EXPECT_EQ(shown->parts[0].events, 60);
  EXPECT_EQ(process->source->counts().epochs, 0) << "a dry run changes nothing";

  const Result<ReplayReport> report = replay(from_second(40));
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->parts[0].events, 60);
  produce(topic, 100, 20);
  wait_for_accepted(180);
  EXPECT_EQ(process->source->counts().epochs, 1);
  EXPECT_NE(log().find("an operator has it replayed from 2"), std::string::npos) << log();
  const std::map<std::string, int> seen = times();
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(seen.at("{\"number\":" + std::to_string(i) + "}"), i >= 40 && i < 100 ? 2 : 1) << i;
  }
  // And once only, whatever has been committed for the group meanwhile.
  wait_until("the group is told", [&] { return broker->committed(options(topic).consumer.group, topic, 0) == 120; });
  kill();
  boot(options(topic));
  produce(topic, 120, 1);
  wait_for_accepted(1);
}

TEST_F(KafkaReplayTest, IsNotForgottenByACrashRightBehindIt) {
  const std::string topic = broker->create_topic(2);
  std::vector<KafkaTestRecord> records = numbered(0, 60);
  for (KafkaTestRecord& record : records) record.partition = 1;
  broker->produce(topic, records);
  boot(options(topic));
  wait_for_accepted(60);
  wait_until("the group is told", [&] { return broker->committed(options(topic).consumer.group, topic, 1) == 60; });
  process->source->pause();  // nothing of the new epoch comes
  const Result<ReplayReport> report = replay(from_offset(50, 1));
  ASSERT_TRUE(report.ok()) << report.error().text();
  kill();
  boot(options(topic));
  wait_for_accepted(10);
  expect_twice_from(50, 60);
}

TEST_F(KafkaReplayTest, LeavesATopicAloneThatTheSourceReadsNoMore) {
  const std::string topic = broker->create_topic(1);
  const std::string former = broker->create_topic(1);
  produce(topic, 0, 10);
  produce(former, 10, 10);
  KafkaSourceOptions both = options(topic);
  both.consumer.topics = {topic, former};
  Limits patient;
  patient.kafka_leave_ms = 20'000;
  boot(both, patient);
  wait_for_accepted(20);
  for (const std::string& read : {topic, former}) {
    wait_until("the group is told", [&] { return broker->committed(both.consumer.group, read, 0) == 10; });
  }
  kill();
  broker->delete_topic(former);
  const Result<ReplayReport> report = replay_at_rest(topic, from_offset(5));
  ASSERT_TRUE(report.ok()) << report.error().text();
  ASSERT_EQ(report->parts.size(), 1U);
  EXPECT_EQ(report->parts.at(0).events, 5);
}

TEST_F(KafkaReplayTest, IsWrittenIntoAFolderThatNobodyReadsAndTakenUpByTheNextStart) {
  const std::string topic = broker->create_topic(1);
  produce(topic, 0, 30);
  Limits patient;
  patient.kafka_leave_ms = 20'000;  // a replay at rest wants a group without members
  boot(options(topic), patient);
  wait_for_accepted(30);
  wait_until("the group is told", [&] { return broker->committed(options(topic).consumer.group, topic, 0) == 30; });
  const Result<ReplayReport> beside = at_rest(*process, topic, from_offset(20));
  ASSERT_FALSE(beside.ok());
  EXPECT_NE(beside.error().text().find("reads for the group"), std::string::npos) << beside.error().text();
  kill();
  ReplayRequest dry = from_offset(20);
  dry.dry_run = true;
  const Result<ReplayReport> shown = replay_at_rest(topic, dry);
  ASSERT_TRUE(shown.ok()) << shown.error().text();
  EXPECT_EQ(shown->parts.at(0).events, 10);
  ASSERT_TRUE(replay_at_rest(topic, from_offset(20)).ok());
  boot(options(topic));
  wait_for_accepted(10);
  expect_twice_from(20, 30);
}

TEST_F(KafkaReplayTest, LeavesAloneWhatHasNotComeThatFarAndRefusesWhatItCannotMean) {
  const std::string topic = broker->create_topic(2);
  boot(options(topic));
  wait_until("it reads", [&] { return process->source->counts().assignments > 0; });
  const Result<ReplayReport> empty = replay(from_second(0));
  ASSERT_TRUE(empty.ok()) << empty.error().text();
  for (const ReplayReport::Part& part : empty->parts) EXPECT_EQ(part.events, 0);
  EXPECT_EQ(process->source->counts().epochs, 0);
  EXPECT_EQ(replay({}).error().code, ErrorCode::kInvalidArgument);
  ReplayRequest nowhere;
  nowhere.offset = 3;
  EXPECT_EQ(replay(nowhere).error().code, ErrorCode::kInvalidArgument) << "of which partition?";
  EXPECT_EQ(replay(from_offset(3, 7)).error().code, ErrorCode::kNotFound);
}

TEST_F(KafkaReplayTest, AcknowledgesNothingThatIsNotHandled) {
  const std::string topic = broker->create_topic(1);
  produce(topic, 0, 10);
  KafkaSourceOptions done = options(topic);
  done.consumer.acknowledges_done = true;
  boot(done);
  wait_for_accepted(10);
  for (int i = 0; i < 3; ++i) process->handle_one();
  const Result<ReplayReport> late = replay(from_offset(8));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(late.error().text().find("is not handled yet"), std::string::npos) << late.error().text();
  // It goes on as if nothing had been asked.
  produce(topic, 10, 5);
  wait_for_accepted(15);
  EXPECT_EQ(times().size(), 12U);
  const Result<ReplayReport> all = replay(from_offset(0));
  ASSERT_TRUE(all.ok()) << all.error().text();
  wait_for_accepted(30);
}

}  // namespace
}  // namespace mnema
