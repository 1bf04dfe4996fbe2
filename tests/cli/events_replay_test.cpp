// `mnema events replay` of a Kafka source: beside the program that serves, and on the folder that it has left.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <map>
#include <thread>

#include "agents/host_harness.hpp"
#include "agents/rest/dead_letter_json.hpp"
#include "cli/events_command.hpp"
#include "cli/exit_code.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/runtime/log_capture.hpp"
#include "tests/support/kafka_broker.hpp"

namespace mnema {
namespace {

using testing::HostHarness;
using testing::KafkaBroker;
using testing::KafkaTestRecord;

/// An hour ago, so that no topic's retention deletes what is of then.
std::int64_t begun_at_s() {
  static const std::int64_t at = to_micros(SystemClock().now()) / 1'000'000 - 3'600;
  return at;
}

struct Seen {
  std::map<std::string, int> times;  // by the order's number
};
BOOST_DESCRIBE_STRUCT(Seen, (), (times))

task<Outcome> count(Ctx& ctx, Event event) {
  ++ctx.state<Seen>().times[event.data];
  co_return done();
}

class EventsReplay : public ::testing::Test {
 protected:
  void SetUp() override {
    broker_ = KafkaBroker::shared();
    if (broker_ == nullptr) GTEST_SKIP() << "there is no Java or no Maven for a Kafka broker";
    topic_ = broker_->create_topic(1);
    SourceConfig source;
    source.kind = "kafka";
    source.kafka.brokers = broker_->address();
    source.topics = {topic_};
    source.agent = "clerk";
    HostHarness::Options options;
    options.declare = [](Host& host) { host.agent("clerk", count).state<Seen>(); };
    options.config.sources["orders"] = source;
    harness_ = std::make_unique<HostHarness>(options);
    config_ = harness_->folder() + "/mnema.toml";
    std::ofstream(config_) << "[server]\ndata = \"" << harness_->folder() << "/data\"\n\n[sources.orders]\n"
                           << "kind = \"kafka\"\nbrokers = \"" << broker_->address() << "\"\ntopics = [\"" << topic_
                           << "\"]\nagent = \"clerk\"\n";
  }
  /// Order i is of the second i.
  void produce(int first, int count) {
    std::vector<KafkaTestRecord> records;
    for (int i = first; i < first + count; ++i) {
      KafkaTestRecord record{"k", std::to_string(i)};
      record.timestamp_ms = (begun_at_s() + i) * 1'000;
      records.push_back(record);
    }
    broker_->produce(topic_, records);
  }
  int replay(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"events", "replay", "orders", "--config", config_});
    testing::CommandRun run = testing::run_command(add_events_commands, std::move(arguments));
    out_ = std::move(run.out);
    err_ = std::move(run.err);
    return run.exit_code;
  }
  [[nodiscard]] std::int64_t shown_events() const {
    return boost::json::parse(out_).at("data").as_array().at(0).at("events").as_int64();
  }

  const testing::LogCapture quiet_;
  KafkaBroker* broker_ = nullptr;
  std::string topic_;
  std::unique_ptr<HostHarness> harness_;
  std::string config_;
  std::string out_;
  std::string err_;
};

TEST_F(EventsReplay, HasEachRecordHandledOnceMoreByTheServerOrTheNextOne) {
  produce(0, 10);
  const Status started = harness_->start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  ASSERT_TRUE(harness_->wait_for_turns(10).ok());
  ASSERT_EQ(replay({"--partition", "0", "--offset", "6", "--dry-run", "--json"}), kExitOk) << err_;
  EXPECT_EQ(shown_events(), 4);
  ASSERT_EQ(replay({"--partition", "0", "--offset", "6"}), kExitOk) << err_;
  EXPECT_NE(out_.find(topic_ + "/0"), std::string::npos) << out_;
  EXPECT_NE(out_.find("4 come again"), std::string::npos) << out_;
  ASSERT_TRUE(harness_->wait_for_turns(14).ok());
  EXPECT_TRUE(harness_->stop().left_behind.empty());

  const std::string eighth = utc_text(Time{std::chrono::seconds(begun_at_s() + 8)});
  // The broker may take the server for a member until its session is over.
  for (int second = 0; second < 30; ++second) {
    if (replay({"--from-time", eighth, "--dry-run", "--json"}) == kExitOk) break;
    ASSERT_NE(err_.find("reads for the group"), std::string::npos) << err_;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  EXPECT_EQ(shown_events(), 2);
  ASSERT_EQ(replay({"--from-time", eighth}), kExitOk) << err_;
  EXPECT_NE(out_.find("the next start takes it up"), std::string::npos) << out_;
  ASSERT_TRUE(harness_->start().ok());
  produce(10, 1);
  ASSERT_TRUE(harness_->wait_for_turns(3).ok());
  const std::optional<Seen> seen = harness_->state<Seen>("clerk", "");
  ASSERT_TRUE(seen.has_value());
  for (int i = 0; i <= 10; ++i) {
    EXPECT_EQ(seen->times.at(std::to_string(i)), i == 10 || i < 6 ? 1 : i < 8 ? 2 : 3) << i;
  }
  EXPECT_TRUE(harness_->stop().left_behind.empty());
}

}  // namespace
}  // namespace mnema
