#include "runtime/events/timers.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

class TimersTest : public ::testing::Test {
 protected:
  Status set(const std::string& name, int seconds, const std::string& key = "k") {
    Timer timer;
    timer.name = name;
    timer.at = fixture.simulation.clock().now() + std::chrono::seconds(seconds);
    timer.event = event_of("", key);
    timer.event.source.clear();
    timer.event.data = name;
    return fixture.wait<void>([&](auto done) { fixture.runtime->timers().set(timer, fixture.loop, done); });
  }
  /// What is in the mailbox, done with as it is taken.
  std::vector<std::string> fired() {
    std::vector<std::string> names;
    while (const std::optional<Delivery> delivery = fixture.take()) {
      EXPECT_EQ(delivery->event().source, "timer");
      names.push_back(delivery->event().data);
      EXPECT_TRUE(fixture.complete(*delivery).ok());
    }
    fixture.runtime->mailbox().stop_taking();
    fixture.simulation.run_ready();
    return names;
  }
  RuntimeFixture fixture;
};

TEST_F(TimersTest, FireInTheOrderOfTheirTimes) {
  ASSERT_TRUE(set("third", 30).ok());
  ASSERT_TRUE(set("first", 10).ok());
  ASSERT_TRUE(set("second", 20).ok());
  EXPECT_EQ(fixture.runtime->timers().pending(), 3U);
  fixture.simulation.run_for(std::chrono::seconds(40));
  EXPECT_EQ(fixture.runtime->timers().pending(), 0U);
  EXPECT_EQ(fired(), (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(TimersTest, KeepASourceThatTheirEventHas) {
  Timer timer;
  timer.name = "told";
  timer.event = event_of("", "k");
  timer.event.source = "agent:shop";
  ASSERT_TRUE(fixture.wait<void>([&](auto done) { fixture.runtime->timers().set(timer, fixture.loop, done); }).ok());
  fixture.simulation.run_ready();
  EXPECT_EQ(fixture.take()->event().source, "agent:shop");
}

TEST_F(TimersTest, HaveTheirNamesPerKey) {
  ASSERT_TRUE(set("remind", 10, "a").ok());
  ASSERT_TRUE(set("remind", 10, "b").ok());
  ASSERT_TRUE(set("remind", 20, "a").ok()) << "replaces a's, not b's";
  EXPECT_EQ(fixture.runtime->timers().pending(), 2U);
  fixture.simulation.run_for(std::chrono::seconds(30));
  EXPECT_EQ(fired().size(), 2U);
}

TEST_F(TimersTest, DoNotFireOnceCancelled) {
  ASSERT_TRUE(set("remind", 10).ok());
  const auto cancel = [&] {
    return fixture.write<bool>([&](Transaction& transaction) {
      return fixture.runtime->timers().cancel(transaction, "local", "worker", "k", "remind");
    });
  };
  EXPECT_TRUE(*cancel());
  EXPECT_FALSE(*cancel()) << "there is none any more";
  fixture.simulation.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(fired().empty());
  fixture.runtime->check_integrity();
}

TEST_F(TimersTest, FireOnceWhateverDiesWhen) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    RuntimeFixture scenario({}, seed);
    Timer timer;
    timer.name = "remind";
    timer.at = scenario.simulation.clock().now() + std::chrono::milliseconds(1);
    timer.event = event_of("", "k");
    ASSERT_TRUE(
        scenario.wait<void>([&](auto done) { scenario.runtime->timers().set(timer, scenario.loop, done); }).ok());
    std::uint64_t steps = scenario.simulation.random().below(8);
    scenario.simulation.run_until([&] { return steps-- == 0; });
    scenario.restart();
    scenario.simulation.run_until_idle();
    EXPECT_EQ(scenario.runtime->mailbox().depths().ready, 1) << "seed " << seed;
    EXPECT_EQ(scenario.runtime->timers().pending(), 0U);
    scenario.runtime->check_integrity();
  }
}

TEST_F(TimersTest, FireLaterWhenTheDiskFails) {
  ASSERT_TRUE(set("remind", 10).ok());
  fixture.disk.fail(FaultVfs::Operation::kSync, 0, 2);
  fixture.simulation.run_for(std::chrono::seconds(20));
  EXPECT_EQ(fired(), std::vector<std::string>{"remind"});
}

TEST_F(TimersTest, AreRefusedIfTheirEventCouldNeverBeTaken) {
  EXPECT_EQ(set(std::string(1'010, 'n'), 1).error().code, ErrorCode::kInvalidArgument);
  Timer timer;
  timer.name = "large";
  timer.event = event_of("", "k");
  timer.event.data = std::string(static_cast<std::size_t>(fixture.limits.event_bytes_max), 'x');
  const Status large = fixture.wait<void>([&](auto done) { fixture.runtime->timers().set(timer, fixture.loop, done); });
  EXPECT_EQ(large.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(fixture.runtime->timers().pending(), 0U);
}

TEST_F(TimersTest, AreDroppedWhenTheyCanNeverFireAnyMore) {
  ASSERT_TRUE(set("remind", 10).ok());
  fixture.limits.event_bytes_max = 1;  // lowered since
  fixture.restart();
  const long long before = fixture.simulation.work_run();
  fixture.simulation.run_for(std::chrono::hours(1));
  EXPECT_LT(fixture.simulation.work_run() - before, 100) << "it is not tried every second";
  EXPECT_EQ(fixture.runtime->timers().pending(), 0U);
  fixture.runtime->check_integrity();
}

TEST_F(TimersTest, NeedANameAndAnAgentToWake) { EXPECT_EQ(set("", 1).error().code, ErrorCode::kInvalidArgument); }

}  // namespace
}  // namespace mnema
