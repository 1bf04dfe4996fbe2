// Steps whose effect is a call of a connector: when they are `started`, what of them is in doubt, what counts.
#include <gtest/gtest.h>

#include "agents/context.hpp"
#include "tests/agents/peer.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Peer;
using testing::say;
using testing::World;

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))

std::vector<std::string>* notes = nullptr;

task<std::string> pay(ToolCtx& tool, Order order) {
  ConnectorCall to_pay;
  to_pay.path = "/pay";
  to_pay.body = order.id;
  ConnectorAnswer answer = co_await tool.call("peer", to_pay);
  co_return answer.body;
}

task<std::string> pay_twice(ToolCtx& tool, Order order) {
  ConnectorCall to_pay;
  to_pay.path = "/pay";
  to_pay.body = order.id;
  ConnectorAnswer first = co_await tool.call("peer", to_pay);
  ConnectorAnswer second = co_await tool.call("peer", to_pay);
  co_return first.body + second.body;
}

/// Pays in cash, and then says so.
task<std::string> pay_in_cash(ToolCtx& tool, Order order) {
  notes->push_back("paid " + order.id + " in cash");
  task<std::string> told = pay(tool, order);
  std::string answer = co_await std::move(told);
  co_return answer;
}

task<Outcome> pays(Ctx& ctx, Event event) {
  Order order{event.id};
  std::string answer = co_await ctx.step("pay", pay, order);
  ctx.send("out", answer, "text/plain");
  co_return done();
}
task<Outcome> pays_in_cash(Ctx& ctx, Event event) {
  Order order{event.id};
  std::string answer = co_await ctx.step("pay", pay_in_cash, order, {.acts_itself = true});
  ctx.send("out", answer, "text/plain");
  co_return done();
}
task<Outcome> notes_how_paying_failed(Ctx& ctx, Event event) {
  Order order{event.id};
  Error error;
  try {
    std::string answer = co_await ctx.step("pay", event.data == "twice" ? pay_twice : pay, order);
    notes->push_back(answer);
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error.message.empty()) notes->push_back(error.never_left ? "never left" : "left");
  co_return done();
}
task<Outcome> lets_the_model_pay(Ctx& ctx, Event event) {
  Reply answer = co_await ctx.think(ctx.prompt().user(event.data));
  ctx.send("out", answer.text, "text/plain");
  co_return done();
}

Result<Completion> calls_pay(const GenerateRequest& request) {
  if (request.prompt.messages.back().role == Role::kTool) return say(request.prompt.messages.back().text());
  return call("pay", R"({"id": "7"})");
}

/// Without a grace: what runs is cancelled.
void stop_at_once(World& world) {
  bool stopped = false;
  world.runtime->stop(Duration(0), [&] { stopped = true; });
  ASSERT_TRUE(world.simulation.run_until([&] { return stopped; }));
  world.simulation.run_ready();
  world.runtime->close();
  world.chat.reset();
  world.runtime.reset();
}

class TurnCalls : public ::testing::Test {
 protected:
  void SetUp() override { notes = &notes_; }
  void TearDown() override {
    world.stop();
    notes = nullptr;
  }
  /// One call leaves at once, the next waits a hundred seconds for its permit, and so on.
  void connect_slowly() {
    UpstreamOptions limits;
    limits.calls_per_second = 0.01;
    limits.calls_in_flight_max = 64;
    peer.total_timeout = std::chrono::hours(24);
    peer.connect(limits);
  }
  void expect_each_paid_once(std::size_t orders) {
    for (const DeadLetterSummary& letter : world.dead()) ADD_FAILURE() << letter.error.text();
    EXPECT_EQ(peer.payments().size(), orders);
    for (const auto& [key, times] : peer.payments()) EXPECT_EQ(times, 1) << key;
    EXPECT_EQ(world.sink.arrived.size(), orders);
  }

  std::vector<std::string> notes_;
  World world{1, calls_pay};
  Peer peer{world};
};

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheRuntimeStopsWhileTheyWaitForAPermit) {
  world.agent("shop", pays);
  connect_slowly();
  world.boot();
  for (int i = 0; i < 20; ++i) world.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  world.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(peer.payments().size(), 1U) << "the others wait";
  stop_at_once(world);
  peer.connect({});
  world.boot();
  world.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheProcessDiesWhileTheyWaitForAPermit) {
  world.agent("shop", pays);
  connect_slowly();
  world.boot();
  // In two waves: the function is known to call by the second one.
  for (int i = 0; i < 20; ++i) {
    world.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
    if (i == 9) world.simulation.run_for(std::chrono::seconds(1));
  }
  world.simulation.run_for(std::chrono::seconds(1));
  world.crash();
  peer.connect({});
  world.boot();
  world.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhileTheyFindNoConnection) {
  for (const bool dies : {false, true}) {
    world.agent("shop", pays);
    peer.state = Peer::State::kRefuses;
    UpstreamOptions limits;
    limits.retry.base = limits.retry.cap = std::chrono::minutes(1);  // between the attempts of one call
    peer.total_timeout = std::chrono::hours(1);
    peer.connect(limits);
    world.boot();
    const std::string run = dies ? "b" : "a";
    for (int i = 0; i < 5; ++i) world.send("shop", run + std::to_string(i), run + std::to_string(i), "");
    world.simulation.run_for(std::chrono::seconds(1));
    dies ? world.crash() : stop_at_once(world);
    peer.state = Peer::State::kUp;
    peer.connect({});
    world.boot();
    world.settle();
    expect_each_paid_once(dies ? 10 : 5);
    world.stop();
  }
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheRuntimeStopsWhileTheyConnect) {
  world.agent("shop", pays);
  peer.state = Peer::State::kHangs;
  world.boot();
  for (int i = 0; i < 8; ++i) world.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  world.simulation.run_for(std::chrono::seconds(1));
  stop_at_once(world);
  peer.state = Peer::State::kUp;
  peer.connect({});
  world.boot();
  world.settle();
  expect_each_paid_once(8);
}

TEST_F(TurnCalls, AreInDoubtOnceTheyLeft) {
  world.agent("shop", pays);
  bool left = false;
  testing::CrashSwitch crash("pay", StepPhase::kStarted, 2, [&] { left = true; });  // the first: of its body
  world.boot(&crash);
  world.send("shop", "e1", "k", "");
  ASSERT_TRUE(world.simulation.run_until([&] { return left; }));
  world.crash();
  world.boot();
  world.settle();
  ASSERT_EQ(world.dead().size(), 1U);
  EXPECT_EQ(world.dead()[0].error.code, ErrorCode::kInDoubt);
}

TEST_F(TurnCalls, AreInDoubtFromTheirBodyOnWhereItActsItself) {
  world.agent("shop", pays_in_cash);
  connect_slowly();
  world.boot();
  world.send("shop", "e1", "k1", "");
  world.send("shop", "e2", "k2", "");
  world.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(notes_.size(), 2U);
  world.crash();
  peer.connect({});
  world.boot();
  world.settle();
  EXPECT_EQ(notes_.size(), 2U) << "nobody pays in cash again";
  ASSERT_EQ(world.dead().size(), 1U) << "the one whose call waited";
  EXPECT_EQ(world.dead()[0].error.code, ErrorCode::kInDoubt);
}

TEST_F(TurnCalls, SayWhetherAnythingOfTheirStepLeft) {
  world.agent("shop", notes_how_paying_failed);
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  world.boot();
  world.send("shop", "e1", "k", "once");
  world.settle();
  EXPECT_EQ(notes_, std::vector<std::string>{"never left"});

  notes_.clear();
  peer.state = Peer::State::kUp;
  UpstreamOptions limits;
  limits.calls_per_window = 1;
  peer.connect(limits);
  world.send("shop", "e2", "k", "twice");
  world.settle();
  EXPECT_EQ(notes_, std::vector<std::string>{"left"}) << "the first call did, the second found no permit";
}

TEST_F(TurnCalls, WaitOutAnOutageOfAnHour) {
  world.agent("shop", pays);
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  world.boot();
  for (int i = 0; i < 20; ++i) world.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  world.simulation.run_for(std::chrono::hours(1));
  EXPECT_TRUE(world.dead().empty());
  peer.state = Peer::State::kUp;
  peer.connect({});
  world.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, WaitOutAnOutageWhenTheModelMakesThem) {
  world.agent("shop", lets_the_model_pay).tool("pay", "Pays an order", pay, ToolOptions<std::string, Order>{});
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  world.boot();
  world.send("shop", "e1", "k", "pay order 7");
  world.simulation.run_for(std::chrono::hours(1));
  EXPECT_TRUE(world.dead().empty());
  EXPECT_TRUE(world.sink.arrived.empty()) << "no model excuses what can still be done";
  peer.state = Peer::State::kUp;
  peer.connect({});
  world.settle();
  expect_each_paid_once(1);
}

/// Runs of a process between a peer's troubles, each ended at a random moment.
class TurnCallsFromASeed : public ::testing::Test {
 protected:
  struct Story {
    explicit Story(std::uint64_t seed) : world(seed, calls_pay), peer(world) { world.agent("shop", pays); }
    ~Story() { world.stop(); }

    void run(bool may_die) {
      Random& random = world.simulation.random();
      for (int life = 0; life < 6; ++life) {
        boot(static_cast<Peer::State>(random.below(4)));
        for (std::uint64_t count = random.below(6); count > 0; --count) send();
        std::uint64_t steps = random.below(400);
        world.simulation.run_until([&] { return steps-- == 0; }, std::chrono::seconds(20));
        if (random.below(2) == 0) peer.state = static_cast<Peer::State>(random.below(4));
        world.simulation.run_for(std::chrono::milliseconds(random.below(3'000)));
        if (may_die && random.below(2) == 0) {
          world.crash();
        } else {
          stop_at_once(world);
        }
      }
      boot(Peer::State::kUp);
      world.settle();
      for (const auto& [key, times] : peer.payments()) EXPECT_EQ(times, 1) << key;
      for (const DeadLetterSummary& letter : world.dead()) EXPECT_EQ(letter.error.code, ErrorCode::kInDoubt);
    }
    void boot(Peer::State state) {
      UpstreamOptions limits;
      if (world.simulation.random().below(2) == 0) limits.calls_per_second = 1;
      peer.state = state;
      peer.connect(limits);
      world.boot();
    }
    void send() {
      const std::string number = std::to_string(++orders);
      world.send("shop", "e" + number, "k" + number, "");
    }

    World world;
    Peer peer;
    int orders = 0;
  };
};

TEST_F(TurnCallsFromASeed, LeaveNothingInDoubtThatTheOtherSideNeverSawHoweverTheRuntimeStops) {
  std::size_t doubtful = 0, paid = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Story story(seed);
    story.run(false);
    EXPECT_EQ(story.peer.payments().size(), static_cast<std::size_t>(story.orders)) << "seed " << seed;
    doubtful += story.world.dead().size();
    paid += story.peer.payments().size();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(doubtful, 0U) << "some calls had left and were not answered";
  EXPECT_GT(paid, doubtful * 2);
}

TEST_F(TurnCallsFromASeed, PayNothingTwiceAndForgetNothingHoweverTheProcessDies) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Story story(seed);
    story.run(true);
    EXPECT_GE(story.peer.payments().size() + story.world.dead().size(), static_cast<std::size_t>(story.orders));
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mnema
