// Steps whose effect is a call of a connector: when they are `started`, what of them is in doubt, what counts.
#include <gtest/gtest.h>

#include "agents/context.hpp"
#include "connectors/response_watch.hpp"
#include "tests/agents/peer.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Fixture;
using testing::Peer;
using testing::say;

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
void stop_at_once(Fixture& fixture) {
  bool stopped = false;
  fixture.runtime->stop(Duration(0), [&] { stopped = true; });
  ASSERT_TRUE(fixture.simulation.run_until([&] { return stopped; }));
  fixture.simulation.run_ready();
  fixture.runtime->close();
  fixture.chat.reset();
  fixture.runtime.reset();
}

class TurnCalls : public ::testing::Test {
 protected:
  void SetUp() override { notes = &notes_; }
  void TearDown() override {
    fixture.stop();
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
    for (const DeadLetterSummary& letter : fixture.dead()) ADD_FAILURE() << letter.error.text();
    EXPECT_EQ(peer.payments().size(), orders);
    for (const auto& [key, times] : peer.payments()) EXPECT_EQ(times, 1) << key;
    EXPECT_EQ(fixture.sink.arrived.size(), orders);
  }

  std::vector<std::string> notes_;
  Fixture fixture{1, calls_pay};
  Peer peer{fixture};
};

TEST_F(TurnCalls, FailWhereTheirAnswerDoesNotFitItsSchemaAndAreNotMadeAgain) {
  std::vector<ResponseWatch::Pinned> pinned;
  pinned.push_back(
      {"POST /pay", *JsonSchema::compile(boost::json::object{{"type", "object"}, {"required", {"receipt"}}})});
  ResponseWatchOptions options;
  options.connector = "peer";
  ResponseWatch watch(options, std::move(pinned), {}, nullptr);
  peer.watch = &watch;
  peer.connect({});
  fixture.agent("shop", pays);
  fixture.boot();
  peer.answer = R"({"receipt":"7"})";
  fixture.send("shop", "good", "k", "");
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
  peer.answer = R"({"receipt_id":"7"})";
  fixture.send("shop", "bad", "k", "");
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].error.code, ErrorCode::kSchemaDrift);
  EXPECT_NE(fixture.dead()[0].error.text().find("receipt"), std::string::npos) << fixture.dead()[0].error.text();
  EXPECT_EQ(peer.payments().size(), 2U);
  for (const auto& [key, times] : peer.payments()) EXPECT_EQ(times, 1) << key;
  EXPECT_EQ(watch.counts().drifted, 1);
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheRuntimeStopsWhileTheyWaitForAPermit) {
  fixture.agent("shop", pays);
  connect_slowly();
  fixture.boot();
  for (int i = 0; i < 20; ++i) fixture.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  fixture.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(peer.payments().size(), 1U) << "the others wait";
  stop_at_once(fixture);
  peer.connect({});
  fixture.boot();
  fixture.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheProcessDiesWhileTheyWaitForAPermit) {
  fixture.agent("shop", pays);
  connect_slowly();
  fixture.boot();
  // In two waves: the function is known to call by the second one.
  for (int i = 0; i < 20; ++i) {
    fixture.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
    if (i == 9) fixture.simulation.run_for(std::chrono::seconds(1));
  }
  fixture.simulation.run_for(std::chrono::seconds(1));
  fixture.crash();
  peer.connect({});
  fixture.boot();
  fixture.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhileTheyFindNoConnection) {
  for (const bool dies : {false, true}) {
    fixture.agent("shop", pays);
    peer.state = Peer::State::kRefuses;
    UpstreamOptions limits;
    limits.retry.base = limits.retry.cap = std::chrono::minutes(1);  // between the attempts of one call
    peer.total_timeout = std::chrono::hours(1);
    peer.connect(limits);
    fixture.boot();
    const std::string run = dies ? "b" : "a";
    for (int i = 0; i < 5; ++i) fixture.send("shop", run + std::to_string(i), run + std::to_string(i), "");
    fixture.simulation.run_for(std::chrono::seconds(1));
    dies ? fixture.crash() : stop_at_once(fixture);
    peer.state = Peer::State::kUp;
    peer.connect({});
    fixture.boot();
    fixture.settle();
    expect_each_paid_once(dies ? 10 : 5);
    fixture.stop();
  }
}

TEST_F(TurnCalls, LeaveNothingInDoubtWhenTheRuntimeStopsWhileTheyConnect) {
  fixture.agent("shop", pays);
  peer.state = Peer::State::kHangs;
  fixture.boot();
  for (int i = 0; i < 8; ++i) fixture.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  fixture.simulation.run_for(std::chrono::seconds(1));
  stop_at_once(fixture);
  peer.state = Peer::State::kUp;
  peer.connect({});
  fixture.boot();
  fixture.settle();
  expect_each_paid_once(8);
}

TEST_F(TurnCalls, AreInDoubtOnceTheyLeft) {
  fixture.agent("shop", pays);
  bool left = false;
  testing::CrashSwitch crash("pay", StepPhase::kStarted, 2, [&] { left = true; });  // the first: of its body
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "");
  ASSERT_TRUE(fixture.simulation.run_until([&] { return left; }));
  fixture.crash();
  fixture.boot();
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].error.code, ErrorCode::kInDoubt);
}

TEST_F(TurnCalls, AreInDoubtFromTheirBodyOnWhereItActsItself) {
  fixture.agent("shop", pays_in_cash);
  connect_slowly();
  fixture.boot();
  fixture.send("shop", "e1", "k1", "");
  fixture.send("shop", "e2", "k2", "");
  fixture.simulation.run_for(std::chrono::seconds(1));
  EXPECT_EQ(notes_.size(), 2U);
  fixture.crash();
  peer.connect({});
  fixture.boot();
  fixture.settle();
  EXPECT_EQ(notes_.size(), 2U) << "nobody pays in cash again";
  ASSERT_EQ(fixture.dead().size(), 1U) << "the one whose call waited";
  EXPECT_EQ(fixture.dead()[0].error.code, ErrorCode::kInDoubt);
}

TEST_F(TurnCalls, SayWhetherAnythingOfTheirStepLeft) {
  fixture.agent("shop", notes_how_paying_failed);
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  fixture.boot();
  fixture.send("shop", "e1", "k", "once");
  fixture.settle();
  EXPECT_EQ(notes_, std::vector<std::string>{"never left"});

  notes_.clear();
  peer.state = Peer::State::kUp;
  UpstreamOptions limits;
  limits.calls_per_window = 1;
  peer.connect(limits);
  fixture.send("shop", "e2", "k", "twice");
  fixture.settle();
  EXPECT_EQ(notes_, std::vector<std::string>{"left"}) << "the first call did, the second found no permit";
}

TEST_F(TurnCalls, WaitOutAnOutageOfAnHour) {
  fixture.agent("shop", pays);
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  fixture.boot();
  for (int i = 0; i < 20; ++i) fixture.send("shop", "e" + std::to_string(i), "k" + std::to_string(i), "");
  fixture.simulation.run_for(std::chrono::hours(1));
  EXPECT_TRUE(fixture.dead().empty());
  peer.state = Peer::State::kUp;
  peer.connect({});
  fixture.settle();
  expect_each_paid_once(20);
}

TEST_F(TurnCalls, WaitOutAnOutageWhenTheModelMakesThem) {
  fixture.agent("shop", lets_the_model_pay).tool("pay", "Pays an order", pay, ToolOptions<std::string, Order>{});
  peer.state = Peer::State::kRefuses;
  peer.connect({});
  fixture.boot();
  fixture.send("shop", "e1", "k", "pay order 7");
  fixture.simulation.run_for(std::chrono::hours(1));
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_TRUE(fixture.sink.arrived.empty()) << "no model excuses what can still be done";
  peer.state = Peer::State::kUp;
  peer.connect({});
  fixture.settle();
  expect_each_paid_once(1);
}

/// Runs of a process between a peer's troubles, each ended at a random moment.
class TurnCallsFromASeed : public ::testing::Test {
 protected:
  struct Scenario {
    explicit Scenario(std::uint64_t seed) : fixture(seed, calls_pay), peer(fixture) { fixture.agent("shop", pays); }
    ~Scenario() { fixture.stop(); }

    void run(bool may_die) {
      Random& random = fixture.simulation.random();
      for (int life = 0; life < 6; ++life) {
        boot(static_cast<Peer::State>(random.below(4)));
        for (std::uint64_t count = random.below(6); count > 0; --count) send();
        std::uint64_t steps = random.below(400);
        fixture.simulation.run_until([&] { return steps-- == 0; }, std::chrono::seconds(20));
        if (random.below(2) == 0) peer.state = static_cast<Peer::State>(random.below(4));
        fixture.simulation.run_for(std::chrono::milliseconds(random.below(3'000)));
        if (may_die && random.below(2) == 0) {
          fixture.crash();
        } else {
          stop_at_once(fixture);
        }
      }
      boot(Peer::State::kUp);
      fixture.settle();
      for (const auto& [key, times] : peer.payments()) EXPECT_EQ(times, 1) << key;
      for (const DeadLetterSummary& letter : fixture.dead()) EXPECT_EQ(letter.error.code, ErrorCode::kInDoubt);
    }
    void boot(Peer::State state) {
      UpstreamOptions limits;
      if (fixture.simulation.random().below(2) == 0) limits.calls_per_second = 1;
      peer.state = state;
      peer.connect(limits);
      fixture.boot();
    }
    void send() {
      const std::string number = std::to_string(++orders);
      fixture.send("shop", "e" + number, "k" + number, "");
    }

    Fixture fixture;
    Peer peer;
    int orders = 0;
  };
};

TEST_F(TurnCallsFromASeed, LeaveNothingInDoubtThatTheOtherSideNeverSawHoweverTheRuntimeStops) {
  std::size_t doubtful = 0, paid = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Scenario scenario(seed);
    scenario.run(false);
    EXPECT_EQ(scenario.peer.payments().size(), static_cast<std::size_t>(scenario.orders)) << "seed " << seed;
    doubtful += scenario.fixture.dead().size();
    paid += scenario.peer.payments().size();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(doubtful, 0U) << "some calls had left and were not answered";
  EXPECT_GT(paid, doubtful * 2);
}

TEST_F(TurnCallsFromASeed, PayNothingTwiceAndForgetNothingHoweverTheProcessDies) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Scenario scenario(seed);
    scenario.run(true);
    EXPECT_GE(scenario.peer.payments().size() + scenario.fixture.dead().size(),
              static_cast<std::size_t>(scenario.orders));
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mnema
