#include "agents/turn/turn_version.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::CrashSwitch;
using testing::Fixture;
using testing::say;

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))

std::map<std::string, int>* shipped = nullptr;  // by idempotency key

task<std::string> ship(ToolCtx& tool, Order order) {
  ++(*shipped)[tool.key()];
  co_return "shipped " + order.id;
}

/// Time and a recall, then an effect, then another.
task<Outcome> ships_twice(Ctx& ctx, Event event) {
  [[maybe_unused]] const Time began = ctx.now();
  Recalled known = co_await ctx.recall(event.data);
  Order order{event.id};
  std::string first = co_await ctx.step("first", ship, order, {.repeatable = true});
  std::string second = co_await ctx.step("second", ship, order, {.repeatable = true});
  ctx.send("out", first + second, "text/plain");
  co_return done();
}

class TurnOfAnotherVersion : public ::testing::Test {
 protected:
  void SetUp() override { shipped = &shipped_; }
  void TearDown() override { shipped = nullptr; }

  /// The first version's turn dies at this passage of this step.
  void die_at(const std::string& step, StepPhase phase) {
    fixture.agent("shop", ships_twice).code_version("1");
    bool crash_now = false;
    CrashSwitch crash(step, phase, 1, [&] { crash_now = true; });
    fixture.boot(&crash);
    fixture.send("shop", "e1", "k", "an order");
    fixture.simulation.run_until([&] { return crash_now; });
    fixture.crash();
  }
  void boot_version_2(OtherVersion policy) {
    fixture.agent("shop", ships_twice).code_version("2").on_other_version(policy);
    fixture.boot();
  }

  std::map<std::string, int> shipped_;
  Fixture fixture{1, [](const GenerateRequest&) { return say("words"); }};
};

TEST_F(TurnOfAnotherVersion, WaitsForItsVersionAndThenGoesOn) {
  die_at("second", StepPhase::kCreated);
  boot_version_2(OtherVersion::kPark);
  fixture.simulation.run_for(std::chrono::hours(48));
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(shipped_.size(), 1U) << "nothing is repeated, nothing begun";
  EXPECT_EQ(fixture.runtime->runtime().mailbox().depths().waiting, 1);
  fixture.stop();

  fixture.agent("shop", ships_twice).code_version("1");
  fixture.boot();
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
  for (const auto& [key, times] : shipped_) EXPECT_EQ(times, 1) << key;
}

TEST_F(TurnOfAnotherVersion, IsDeadWhereTheAgentWantsThatAndSaysWhatDiffers) {
  die_at("second", StepPhase::kCreated);
  boot_version_2(OtherVersion::kDeadLetter);
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  const std::string why = fixture.dead()[0].error.message;
  for (const char* part : {"version '1'", "version '2'", "'first' at 3"}) {
    EXPECT_NE(why.find(part), std::string::npos) << why;
  }
}

TEST_F(TurnOfAnotherVersion, BeginsAnewOnlyWhereItHadNoEffect) {
  die_at("first", StepPhase::kCreated);
  boot_version_2(OtherVersion::kRestart);
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_TRUE(fixture.dead().empty());
}

TEST_F(TurnOfAnotherVersion, IsNotBegunAnewAfterAnEffect) {
  die_at("second", StepPhase::kCreated);
  boot_version_2(OtherVersion::kRestart);
  fixture.simulation.run_for(std::chrono::hours(1));
  EXPECT_TRUE(fixture.sink.arrived.empty());
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(shipped_.size(), 1U);
}

TEST_F(TurnOfAnotherVersion, IsThisVersionsWhereItsJournalIsEmpty) {
  fixture.agent("shop", ships_twice).code_version("1");
  bool crash_now = false;
  CrashSwitch crash("now", StepPhase::kCreated, 1, [&] { crash_now = true; });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "an order");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.crash();
  // It goes on with version 2, and dies again in its middle: then it is version 2's.
  fixture.agent("shop", ships_twice).code_version("2");
  bool again = false;
  CrashSwitch later("second", StepPhase::kStarted, 1, [&] { again = true; });
  fixture.boot(&later);
  fixture.simulation.run_until([&] { return again; });
  fixture.crash();
  fixture.boot();
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
}

}  // namespace
}  // namespace mnema
