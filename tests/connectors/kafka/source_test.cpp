#include "connectors/kafka/source.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/connectors/kafka/kafka_fixture.hpp"

namespace mnema {
namespace {

using testing::KafkaBroker;
using testing::KafkaProcess;
using testing::KafkaTest;
using testing::KafkaTestRecord;

std::set<std::string> data_of(const std::vector<Event>& events) {
  std::set<std::string> all;
  for (const Event& event : events) all.insert(event.data);
  return all;
}

class KafkaSourceTest : public KafkaTest {
 protected:
  [[nodiscard]] std::int64_t committed(const std::string& topic, int partitions) const {
    std::int64_t sum = 0;
    for (int i = 0; i < partitions; ++i)
      sum += std::max<std::int64_t>(0, broker->committed("group-" + topic, topic, i));
    return sum;
  }
};

TEST_F(KafkaSourceTest, MakesEachRecordAnEventInTheOrderOfItsKey) {
  const std::string topic = broker->create_topic(4);
  broker->produce(topic, numbered(0, 3'000, 16));
  boot(options(topic));
  wait_for_accepted(3'000);
  const std::vector<Event> events = process->ready();
  ASSERT_EQ(events.size(), 3'000U);
  EXPECT_EQ(data_of(events).size(), 3'000U);
  std::map<std::string, int> last;
  for (const Event& event : events) {
    const int number = std::stoi(event.data.substr(10));
    const auto [before, is_first] = last.try_emplace(event.key, -1);
    EXPECT_LT(before->second, number) << event.key;
    before->second = number;
  }
  EXPECT_EQ(last.size(), 16U);
  EXPECT_EQ(events.front().type, topic);
  EXPECT_TRUE(events.front().source.starts_with("kafka:orders/" + topic + "/")) << events.front().source;
  EXPECT_EQ(events.front().trust, Trust::kExternal);
  wait_until("the group knows what is ours", [&] { return committed(topic, 4) == 3'000; });
  EXPECT_FALSE(process->source->problem());
}

TEST_F(KafkaSourceTest, TakesAResetOfTheGroupsOffsetAsANewEpoch) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 100));
  boot(options(topic));
  wait_for_accepted(100);
  kill();
  broker->set_offset("group-" + topic, topic, 0, 0);
  broker->produce(topic, numbered(100, 50));
  boot(options(topic));
  wait_for_accepted(150);
  EXPECT_NE(log().find("a new epoch of a partition begins"), std::string::npos) << "a tool has set the offset";
  EXPECT_EQ(process->ready().size(), 250U) << "what was reset on purpose comes again";
  EXPECT_EQ(process->source->counts().epochs, 1);
}

TEST_F(KafkaSourceTest, BeginsWhereItsOwnDiskIsAheadOfTheGroup) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 100));
  boot(options(topic));
  wait_for_accepted(100);
  kill();  // mostly before the first commit, which is due after a second
  broker->produce(topic, numbered(100, 50));
  boot(options(topic));
  wait_for_accepted(50);
  EXPECT_EQ(data_of(process->ready()).size(), 150U);
  EXPECT_EQ(process->ready().size(), 150U);
  EXPECT_EQ(process->source->counts().epochs, 0) << log();
}

TEST_F(KafkaSourceTest, DeadLettersWhatIsNoEventAndGoesOn) {
  const std::string topic = broker->create_topic(1);
  std::vector<KafkaTestRecord> records = numbered(0, 3);
  records.push_back({"k", "{\"half\":"});
  records.push_back({"k", "\xff\xfe", {{"trace", "t1"}}});
  records.push_back({"k", "{\"twice\":1,\"twice\":2}"});
  for (const KafkaTestRecord& record : numbered(3, 3)) records.push_back(record);
  broker->produce(topic, records);
  boot(options(topic));
  wait_for_accepted(6);
  const std::vector<Event> dead = process->dead();
  ASSERT_EQ(dead.size(), 3U);
  EXPECT_EQ(process->source->counts().dead, 3);
  EXPECT_EQ(dead[0].data, "{\"half\":");
  EXPECT_EQ(dead[1].data, "\xff\xfe") << "the bytes as they came";
  EXPECT_EQ(dead[1].attributes.at("header_trace"), "t1");
  EXPECT_EQ(dead[1].attributes.at("kafka_offset"), "4");
  const auto letters = process->runtime->dead_letters().list(10);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 3U);
  EXPECT_NE((*letters)[0].error.text().find("the record's value"), std::string::npos) << (*letters)[0].error.text();
}

TEST_F(KafkaSourceTest, GoesOnBehindRecordsThatNobodyShouldSend) {
  const std::string topic = broker->create_topic(1);
  std::vector<KafkaTestRecord> records;
  records.push_back({"large", "\"" + std::string(64 << 20, 'x') + "\""});
  records.push_back({std::nullopt, std::nullopt});
  KafkaTestRecord headers{"headers", "{}"};
  for (int i = 0; i < 10'000; ++i) headers.headers.emplace_back("h" + std::to_string(i), "v");
  records.push_back(headers);
  records.push_back({"poison", "{\"a\":" + std::string(100'000, '[')});
  records.push_back({"empty", ""});
  records.push_back({std::string(2'000, 'k'), "{}"});
  records.push_back({"nul", std::string("{\"a\":\"\0\"}", 9)});
  for (const KafkaTestRecord& record : numbered(0, 3)) records.push_back(record);
  broker->produce(topic, records);
  boot(options(topic));
  wait_for_accepted(4);
  const std::vector<Event> dead = process->dead();
  ASSERT_EQ(dead.size(), 6U);
  EXPECT_EQ(dead[0].attributes.at("kafka_value_bytes"), std::to_string((64 << 20) + 2));
  EXPECT_EQ(static_cast<std::int64_t>(dead[0].data.size()), Limits{}.event_bytes_max) << "as much as an event may have";
  EXPECT_EQ(dead[1].attributes.at("kafka_key"), "headers");
  EXPECT_EQ(dead[4].attributes.at("kafka_offset"), "5") << "its key is too long for an event's";
  EXPECT_EQ(process->ready().front().data, "null") << "a tombstone without a key is an event";
  EXPECT_EQ(process->ready().front().key, "");
  const auto letters = process->runtime->dead_letters().list(10);
  for (const DeadLetterSummary& letter : *letters) EXPECT_NE(letter.error.message, "");
  wait_until("all of it is acknowledged", [&] { return committed(topic, 1) == 10; });
}

TEST_F(KafkaSourceTest, KnowsARepeatedEventByItsIdIfToldTo) {
  const std::string topic = broker->create_topic(2);
  KafkaSourceOptions by_id = options(topic);
  by_id.dedupe = Dedupe::kById;
  by_id.mapping.id = "{/number}";
  broker->produce(topic,
                  {{"a", "{\"number\":1}", {}, 0}, {"a", "{\"number\":1}", {}, 0}, {"a", "{\"number\":2}", {}, 0}});
  boot(by_id);
  wait_for_accepted(2);
  EXPECT_EQ(process->source->counts().duplicates, 1);
  wait_until("all are acknowledged", [&] { return committed(topic, 2) == 3; });
}

TEST_F(KafkaSourceTest, PassesOverWhatNoAgentAsksFor) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 5));
  KafkaSourceOptions unrouted = options(topic);
  unrouted.mapping.agent.clear();
  boot(unrouted);
  wait_until("all are passed over", [&] { return process->source->counts().unrouted == 5; });
  EXPECT_TRUE(process->ready().empty());
  EXPECT_TRUE(process->dead().empty());
  wait_until("they are acknowledged", [&] { return committed(topic, 1) == 5; });
}

TEST_F(KafkaSourceTest, TakesATimeThatNoClockShows) {
  const std::string topic = broker->create_topic(1);
  KafkaTestRecord far{"far", "{}"};
  far.timestamp_ms = 9'300'000'000'000'000;  // in microseconds more than 64 bits
  KafkaTestRecord near{"near", "{}"};
  near.timestamp_ms = 1'700'000'000'123;
  broker->produce(topic, {far, near});
  boot(options(topic));
  wait_for_accepted(2);
  const std::vector<Event> events = process->ready();
  EXPECT_EQ(to_micros(events[0].time), 253'402'300'799'999'000) << "the end of the year 9999";
  EXPECT_EQ(to_micros(events[1].time), 1'700'000'000'123'000);
  kill();
  boot(options(topic));
  broker->produce(topic, {far});
  wait_for_accepted(1);
  EXPECT_EQ(process->source->counts().epochs, 0) << "the record before our offset is known again";
}

TEST_F(KafkaSourceTest, CountsTheHeadersOfARecordAgainstABatchsBytes) {
  const std::string topic = broker->create_topic(1);
  KafkaTestRecord large{"k", "{}"};
  large.headers = {{"large", std::string(32 << 10, 'h')}};
  broker->produce(topic, std::vector<KafkaTestRecord>(20, large));
  Limits limits;
  limits.broker_batch_bytes_max = 64 << 10;
  process = std::make_unique<testing::KafkaProcess>(folder_, limits);
  std::atomic<std::size_t> most = 0;
  process->start(options(topic), [&](EventBatch batch, BatchDone done) {
    most = std::max(most.load(), batch.events.size());
    process->accept()(std::move(batch), std::move(done));
  });
  process->run();
  wait_for_accepted(20);
  EXPECT_EQ(most, 2U) << "of 32 KiB each";
}

TEST_F(KafkaSourceTest, LeavesItsGroupWhenItIsStoppedAndNotOnlyWhenItIsGone) {
  const std::string topic = broker->create_topic(2);
  const std::string group = options(topic).consumer.group;
  KafkaSourceOptions patient = options(topic);
  patient.client.options["session.timeout.ms"] = "300000";  // the broker would not miss them before
  boot(patient);
  const KafkaConsumerParts parts{
      process->loop,  process->workers, process->blocking, process->runtime->database(), process->runtime->mailbox(),
      process->clock, process->random,  process->limits_};
  auto other = std::make_unique<KafkaSource>(patient, process->secrets, process->loop, parts);
  ASSERT_TRUE(other->start(process->accept()).ok());
  wait_until("both are in it", [&] { return broker->members(group) == 2; });
  wait_until("both have partitions",
             [&] { return process->source->counts().assignments > 0 && other->counts().assignments > 0; });
  process->source->stop();
  other->stop();
  wait_until("both have left", [&] { return broker->members(group) == 0; });
  process->stop_threads();
  other.reset();
}

TEST_F(KafkaSourceTest, DeadLettersWhatNamesAnAgentThatIsNotThere) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 2));
  KafkaSourceOptions misspelt = options(topic);
  misspelt.mapping.agent = "wroker";
  boot(misspelt);
  wait_until("both are dead", [&] { return process->source->counts().dead == 2; });
  EXPECT_EQ(process->source->counts().unrouted, 0) << "unlike events of a type that no agent asks for";
}

TEST_F(KafkaSourceTest, IsPausedAndGoesOnWithoutARebalance) {
  const std::string topic = broker->create_topic(2);
  broker->produce(topic, numbered(0, 10));
  boot(options(topic));
  wait_for_accepted(10);
  process->source->pause();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  broker->produce(topic, numbered(10, 1'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  EXPECT_EQ(process->source->counts().accepted, 10);
  process->source->resume();
  wait_for_accepted(1'010);
  EXPECT_EQ(data_of(process->ready()).size(), 1'010U);
  EXPECT_EQ(process->source->counts().assignments, 1);
  EXPECT_EQ(process->source->counts().pauses, 1);
}

TEST_F(KafkaSourceTest, WaitsForAFullMailboxAndLosesNothing) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 30, 30));
  Limits tiny;
  tiny.mailbox_rows_max = tiny.mailbox_rows_per_tenant_max = 12;
  tiny.accept_batch_events_max = 5;
  boot(options(topic), tiny);
  wait_until("it is full", [&] { return process->source->counts().accepted == 10; });
  for (int i = 0; i < 30; ++i) process->handle_one();
  EXPECT_EQ(process->source->counts().accepted, 30);
  EXPECT_TRUE(process->ready().empty());
}

TEST_F(KafkaSourceTest, BeginsANewEpochForATopicThatWasCreatedAnew) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 20));
  boot(options(topic));
  wait_for_accepted(20);
  wait_until("it is committed", [&] { return committed(topic, 1) == 20; });
  kill();
  broker->delete_topic(topic);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  broker->create_topic(topic, 1);
  broker->produce(topic, numbered(1'000, 30));  // more than before: our offset is inside
  boot(options(topic));
  wait_for_accepted(30);
  EXPECT_EQ(process->source->counts().epochs, 1);
  EXPECT_NE(log().find("created anew"), std::string::npos) << log();
  EXPECT_EQ(data_of(process->ready()).size(), 50U);
  EXPECT_EQ(process->ready().back().attributes.at("kafka_epoch"), "2");
}

TEST_F(KafkaSourceTest, BeginsANewEpochForATopicThatIsShorterThanOurOffset) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 20));
  boot(options(topic));
  wait_for_accepted(20);
  kill();
  broker->delete_topic(topic);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  broker->create_topic(topic, 1);
  broker->produce(topic, numbered(1'000, 5));
  boot(options(topic));
  wait_for_accepted(5);
  EXPECT_EQ(process->source->counts().epochs, 1);
  EXPECT_EQ(data_of(process->ready()).size(), 25U);
}

TEST_F(KafkaSourceTest, SaysHowManyRecordsTheTopicHasForgotten) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 10));
  boot(options(topic));
  wait_for_accepted(10);
  kill();
  broker->produce(topic, numbered(10, 20));
  broker->delete_records(topic, 0, 25);
  boot(options(topic));
  wait_for_accepted(5);
  EXPECT_EQ(process->source->counts().lost, 15);
  EXPECT_EQ(process->source->counts().epochs, 0);
  EXPECT_NE(log().find("deleted by their topic's retention"), std::string::npos);
}

TEST_F(KafkaSourceTest, GoesOnWhenTheBrokerWasKilled) {
  const std::string topic = broker->create_topic(2);
  broker->produce(topic, numbered(0, 50));
  boot(options(topic));
  wait_for_accepted(50);
  broker->kill();
  wait_until("it says so", [&] { return process->source->problem().has_value(); });
  broker->start();
  broker->produce(topic, numbered(50, 50));
  wait_for_accepted(100);
  EXPECT_EQ(data_of(process->ready()).size(), 100U);
  wait_until("all is well again", [&] { return !process->source->problem(); });
}

TEST_F(KafkaSourceTest, StoresABatchOnceThatOutlivedItsAssignment) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 30, 30));
  Limits tiny;
  tiny.mailbox_rows_max = tiny.mailbox_rows_per_tenant_max = 12;
  tiny.accept_batch_events_max = 5;
  KafkaSourceOptions short_session = options(topic);
  short_session.client.options["session.timeout.ms"] = "6000";
  boot(short_session, tiny);
  wait_until("it is full", [&] { return process->source->counts().accepted == 10; });
  broker->kill();
  wait_until("the group has given it up", [&] { return log().find("partitions are revoked") != std::string::npos; });
  broker->start();
  wait_until("it is assigned again", [&] { return process->source->counts().assignments == 2; }, 60);
  for (int i = 0; i < 30; ++i) process->handle_one();
  wait_until("all are committed", [&] { return committed(topic, 1) == 30; });
  EXPECT_EQ(process->source->counts().accepted, 30);
  EXPECT_TRUE(process->ready().empty()) << "nothing comes twice";
}

TEST_F(KafkaSourceTest, ReadsItsPositionAgainWhereSomebodyElseHasMovedIt) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 10));
  boot(options(topic));
  wait_for_accepted(10);
  const Status moved = process->runtime->database().write_and_wait<void>([](Transaction& t) -> Status {
    return t.connection().execute("UPDATE kafka_offsets SET next = 12, digest = 0");
  });
  ASSERT_TRUE(moved.ok());
  broker->produce(topic, numbered(10, 20));
  wait_for_accepted(28);
  EXPECT_EQ(process->source->counts().epochs, 0);
  EXPECT_EQ(data_of(process->ready()).size(), 28U);
  wait_until("all are committed", [&] { return committed(topic, 1) == 30; });
}

TEST_F(KafkaSourceTest, CommitsWhatIsDoneAndNotWhatIsStored) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 10, 1));
  KafkaSourceOptions done = options(topic);
  done.consumer.acknowledges_done = true;
  boot(done);
  wait_for_accepted(10);
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  EXPECT_EQ(committed(topic, 1), 0) << "none is done";
  for (int i = 0; i < 3; ++i) process->handle_one();
  wait_until("three are done", [&] { return committed(topic, 1) == 3; });
  kill();
  boot(done);
  for (int i = 0; i < 3; ++i) process->handle_one();
  wait_until("six are done", [&] { return committed(topic, 1) == 6; });
  EXPECT_EQ(process->source->counts().accepted, 0) << "what is in the mailbox does not come again";
  kill();
  std::filesystem::remove_all(folder_);  // the disk is lost
  std::filesystem::create_directories(folder_);
  boot(done);
  wait_for_accepted(4);
  EXPECT_EQ(process->ready().front().data, "{\"number\":6}");
  for (int i = 0; i < 4; ++i) process->handle_one();
  wait_until("all are done", [&] { return committed(topic, 1) == 10; });
}

TEST_F(KafkaSourceTest, SharesAGroupWithAnotherNodeAndLosesNothing) {
  const std::string topic = broker->create_topic(4);
  broker->produce(topic, numbered(0, 2'000, 64));
  boot(options(topic));
  wait_until("it has begun", [&] { return process->source->counts().accepted > 0; });
  const std::string other_folder = folder_ + "-other";
  std::filesystem::create_directories(other_folder);
  auto other = std::make_unique<KafkaProcess>(other_folder, Limits{});
  other->start(options(topic));
  other->run();
  wait_until("both have partitions", [&] { return other->source->counts().assignments > 0; });
  broker->produce(topic, numbered(2'000, 2'000, 64));
  wait_until("all are taken",
             [&] { return process->source->counts().accepted + other->source->counts().accepted >= 4'000; });
  EXPECT_GT(other->source->counts().accepted, 0);
  other->drain_and_end();
  other.reset();
  std::set<std::string> all = data_of(process->ready());
  {
    KafkaProcess reader(other_folder, Limits{});
    for (const Event& event : reader.ready()) all.insert(event.data);
  }
  EXPECT_EQ(all.size(), 4'000U);
  broker->produce(topic, numbered(4'000, 500, 64));
  wait_until("the one that stays has all partitions again", [&] {
    for (const std::string& data : data_of(process->ready())) all.insert(data);
    return all.size() == 4'500U;
  });
  std::filesystem::remove_all(other_folder);
}

TEST_F(KafkaSourceTest, LogsInByPasswordAndReadsARotatedOneAgain) {
  const std::string topic = broker->create_topic(1);
  broker->produce(topic, numbered(0, 5));
  for (const std::string mechanism : {"plain", "scram-sha-256"}) {
    const std::string file = folder_ + "/password";
    std::ofstream(file) << "wrong";
    KafkaSourceOptions login = options(topic);
    login.consumer.group += mechanism;
    login.client.brokers = broker->sasl_address();
    login.client.sasl = mechanism;
    login.client.username = "mnema";
    login.client.secret = *SecretReference::parse("file:" + file);
    boot(login);
    wait_until("it is refused", [&] { return process->source->problem().has_value(); });
    EXPECT_EQ(log().find("mnema-secret"), std::string::npos);
    std::ofstream(file) << "mnema-secret";
    wait_until("it is let in", [&] { return process->source->counts().accepted == 5; });
    EXPECT_EQ(log().find("mnema-secret"), std::string::npos) << "no secret in the log";
    kill();
    std::filesystem::remove(folder_ + "/mnema.db");
    std::filesystem::remove(folder_ + "/mnema.db-wal");
    std::filesystem::remove(folder_ + "/mnema.db-shm");
  }
}

}  // namespace
}  // namespace mnema
