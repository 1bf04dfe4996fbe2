#include "connectors/kafka/consumer.hpp"

#include <gtest/gtest.h>

#include <future>
#include <set>

#include "tests/connectors/kafka/kafka_fixture.hpp"

// Two nodes in one group, each with a store of its own.

namespace mnema {
namespace {

using testing::KafkaProcess;
using testing::KafkaTest;

class TwoNodesTest : public KafkaTest {
 protected:
  void TearDown() override {
    second.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_ + "-second", ignored);
    KafkaTest::TearDown();
  }
  void boot_second(const KafkaSourceOptions& options) {
    std::filesystem::remove_all(folder_ + "-second");
    std::filesystem::create_directories(folder_ + "-second");
    second = std::make_unique<KafkaProcess>(folder_ + "-second", Limits{});
    second->start(options);
    second->run();
  }
  [[nodiscard]] long long accepted() const {
    return process->source->counts().accepted + second->source->counts().accepted;
  }

  std::unique_ptr<KafkaProcess> second;
};

TEST_F(TwoNodesTest, ShareTheEventsOfAStatelessAgent) {
  const std::string topic = broker->create_topic(4);
  boot(options(topic));
  wait_until("the first has all", [&] { return process->source->counts().assignments == 1; });
  boot_second(options(topic));
  wait_until("the second has some", [&] { return second->source->counts().assignments == 1; });
  wait_until("the first has the others", [&] { return process->source->counts().assignments == 2; });
  broker->produce(topic, numbered(0, 400, 40));
  wait_until("all are accepted", [&] { return accepted() == 400; });
  EXPECT_GT(process->source->counts().accepted, 0);
  EXPECT_GT(second->source->counts().accepted, 0);
  std::set<std::string> seen;
  for (KafkaProcess* node : {process.get(), second.get()}) {
    for (const Event& event : node->ready()) EXPECT_TRUE(seen.insert(event.data).second);
  }
  EXPECT_EQ(seen.size(), 400U);
}

TEST_F(TwoNodesTest, StandByForAStatefulAgentUntilTheOtherHasGone) {
  const std::string topic = broker->create_topic(4);
  KafkaSourceOptions stateful = options(topic);
  stateful.consumer.stateful_agent = "worker";
  stateful.client.options["session.timeout.ms"] = "6000";
  boot(stateful);
  broker->produce(topic, numbered(0, 100, 40));
  wait_for_accepted(100);
  boot_second(stateful);
  wait_until("it says why it takes nothing", [&] { return second->source->problem().has_value(); });
  EXPECT_NE(second->source->problem()->find("agent 'worker' keeps its state on this node"), std::string::npos)
      << *second->source->problem();
  broker->produce(topic, numbered(100, 100, 40));
  wait_for_accepted(200);
  EXPECT_EQ(second->source->counts().accepted, 0);
  EXPECT_FALSE(process->source->problem()) << "who was first goes on";
  kill();
  broker->produce(topic, numbered(200, 50, 40));
  const auto newest = [&] {
    std::set<std::string> data;
    for (const Event& event : second->ready()) data.insert(event.data);
    int count = 0;
    for (int i = 200; i < 250; ++i) count += data.contains("{\"number\":" + std::to_string(i) + "}") ? 1 : 0;
    return count;
  };
  wait_until("it takes over", [&] { return newest() == 50; }, 60);
  EXPECT_FALSE(second->source->problem());
}

TEST_F(TwoNodesTest, LeaveAStatefulAgentToWhoTookOverWhenTheFirstComesBack) {
  const std::string topic = broker->create_topic(4);
  KafkaSourceOptions stateful = options(topic);
  stateful.consumer.stateful_agent = "worker";
  stateful.client.options["session.timeout.ms"] = "6000";
  stateful.client.options["max.poll.interval.ms"] = "6000";
  boot(stateful);
  wait_until("the first has all", [&] { return process->source->counts().assignments == 1; });
  boot_second(stateful);
  wait_until("the second stands by", [&] { return second->source->problem().has_value(); });
  std::promise<void> wakes;
  // It hangs, and its group goes on without it.
  process->loop.post([awake = wakes.get_future().share()] { awake.wait(); });
  wait_until("the second takes over", [&] { return second->source->counts().assignments == 1; }, 90);
  const long long assignments = process->source->counts().assignments;
  wakes.set_value();
  const auto stands_by = [&] {
    const std::optional<std::string> problem = process->source->problem();
    return problem && problem->find("this node stands by") != std::string::npos;
  };
  wait_until("the first stands by", stands_by, 60);
  broker->produce(topic, numbered(0, 100, 40));
  wait_until("all are accepted", [&] { return accepted() == 100; }, 60);
  EXPECT_EQ(second->source->counts().accepted, 100) << "whose state is newer";
  EXPECT_EQ(process->source->counts().assignments, assignments);
}

}  // namespace
}  // namespace mnema
