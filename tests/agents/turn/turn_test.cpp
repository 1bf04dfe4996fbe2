#include "agents/turn/turn.hpp"

#include <gtest/gtest.h>

#include "agents/turn/event_text.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::CrashSwitch;
using testing::Fixture;
using testing::say;

struct Counter {
  int turns = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (turns))

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))
struct Receipt {
  std::string number;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (number))

/// What handlers of these tests see of the world: tools are free functions, so it is a pointer that each test sets.
struct Outside {
  std::map<std::string, int> effects;  // by idempotency key
  std::vector<std::string> log;
  int failures_left = 0;
  ErrorCode unsent_code = ErrorCode::kUnavailable;
  bool has_happened = false;  // what reconcile answers
  int variant = 0;
};
Outside* outside = nullptr;

task<Receipt> ship(ToolCtx& tool, Order order) {
  if (outside->failures_left > 0) {
    --outside->failures_left;
    throw Failure(fail_retryable(ErrorCode::kUnavailable, "the warehouse does not answer"));
  }
  ++outside->effects[tool.key()];
  co_return Receipt{"R-" + order.id};
}

task<std::optional<Receipt>> find_shipment(ToolCtx&, Order order) {
  outside->log.push_back("reconcile");
  std::optional<Receipt> found;
  if (outside->has_happened) found = Receipt{"found-" + order.id};
  co_return found;
}

task<Outcome> count_and_ship(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship, order);
  outside->log.push_back(receipt.number);
  ++ctx.state<Counter>().turns;
  ctx.send("out", receipt.number, "text/plain");
  Episode episode;
  episode.text = "shipped " + receipt.number;
  ctx.remember(episode);
  co_return done();
}

task<Outcome> ship_repeatable(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship, order, {.repeatable = true});
  ctx.send("out", receipt.number, "text/plain");
  co_return done();
}

task<Outcome> ship_reconciled(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship, order, {.reconcile = find_shipment});
  ctx.send("out", receipt.number, "text/plain");
  co_return done();
}

/// The warehouse may have shipped, and does not say.
task<Receipt> ship_unheard(ToolCtx& tool, Order order) {
  ++outside->effects[tool.key()];
  if (outside->failures_left-- > 0) throw Failure(fail(ErrorCode::kInDoubt, "no answer came"));
  co_return Receipt{"R-" + order.id};
}

task<Outcome> ship_in_doubt_reconciled(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship_unheard, order, {.reconcile = find_shipment});
  ctx.send("out", receipt.number, "text/plain");
  co_return done();
}

task<Receipt> ship_in_latin1(ToolCtx&, Order) { co_return Receipt{"envoy\xe9"}; }

task<Outcome> ship_and_answer_in_latin1(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship_in_latin1, order);
  ctx.send("out", receipt.number, "text/plain");
  co_return done();
}

task<Receipt> ship_unless_unsent(ToolCtx&, Order order) {
  if (outside->failures_left-- > 0) {
    Error unsent = fail(outside->unsent_code, "it did not leave");
    unsent.never_left = true;
    throw Failure(unsent);
  }
  co_return Receipt{"R-" + order.id};
}

task<Outcome> ships_when_it_can_leave(Ctx& ctx, Event event) {
  Order order{event.id};
  Receipt receipt = co_await ctx.step("ship", ship_unless_unsent, order);
  ctx.send("out", receipt.number, "text/plain");
  co_return done();
}

task<Outcome> two_steps(Ctx& ctx, Event) {
  const std::string id = ctx.uuid();
  const Time time = ctx.now();
  outside->log.push_back(id + "@" + std::to_string(to_micros(time)));
  Order first{"first"};
  co_await ctx.step("first", ship, first, {.repeatable = true});
  Order second{"second"};
  co_await ctx.step("second", ship, second, {.repeatable = true});
  co_return done();
}

task<Outcome> changes_its_mind(Ctx& ctx, Event) {
  Order order{"x"};
  if (outside->variant == 0) {
    co_await ctx.step("red", ship, order, {.repeatable = true});
  } else {
    co_await ctx.step("blue", ship, order, {.repeatable = true});
  }
  Order second{"second"};
  co_await ctx.step("second", ship, second, {.repeatable = true});
  co_return done();
}

task<Outcome> throws_at_once(Ctx&, Event) {
  throw std::runtime_error("no idea");
  co_return done();
}

task<Outcome> refuses(Ctx&, Event) {
  throw Failure(fail(ErrorCode::kInvalidArgument, "the order has no id"));
  co_return done();
}

/// Does all its work where a coroutine would be made.
task<Outcome> throws_before_it_is_a_coroutine(Ctx&, Event) { throw std::runtime_error("no coroutine"); }

task<Outcome> counts(Ctx& ctx, Event) {
  ++ctx.state<Counter>().turns;
  co_return done();
}

task<Outcome> answers(Ctx& ctx, Event event) {
  PromptPlan prompt = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(prompt);
  ctx.send("out", answer.text, "text/plain");
  co_return reply(answer.text);
}

class TurnTest : public ::testing::Test {
 protected:
  void SetUp() override { outside = &outside_; }
  void TearDown() override { outside = nullptr; }
  static Result<Completion> nothing(const GenerateRequest&) { return say("words of an answer"); }
  Outside outside_;
};

TEST_F(TurnTest, CommitsStateMemoryMessagesAndTheEventTogether) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", count_and_ship).state<Counter>();
  fixture.boot();
  fixture.send("shop", "e1", "k", "");
  fixture.send("shop", "e2", "k", "");
  fixture.settle();
  EXPECT_EQ(fixture.state("shop", "k")->json, R"({"turns":2})");
  EXPECT_EQ(fixture.sink.arrived.size(), 2U);
  const auto thread = fixture.runtime->memory().thread({"local", "shop", "", "k"}, "local/shop/k", 10);
  ASSERT_TRUE(thread.ok()) << thread.error().text();
  EXPECT_EQ(thread->size(), 2U);
  EXPECT_EQ(fixture.runtime->runtime().mailbox().depths().keys, 0U);
  fixture.runtime->check_integrity();
}

TEST_F(TurnTest, LeavesNothingBehindWhenItFails) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", count_and_ship).state<Counter>();
  fixture.boot();
  outside_.failures_left = 1'000;
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  EXPECT_FALSE(fixture.state("shop", "k").has_value());
  EXPECT_TRUE(fixture.sink.arrived.empty());
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].attempts, fixture.limits.attempts_max);
  EXPECT_NE(fixture.dead()[0].error.message.find("the warehouse does not answer"), std::string::npos);
}

TEST_F(TurnTest, TriesAFailedStepAgainAndKeepsWhatWentWell) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", two_steps);
  fixture.boot();
  outside_.failures_left = 2;
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(outside_.effects.size(), 2U);
  for (const auto& [key, count] : outside_.effects) EXPECT_EQ(count, 1) << key;
}

TEST_F(TurnTest, ReplaysAfterACrashWithoutDoingADoneStepAgain) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", two_steps);
  bool crash_now = false;
  std::map<std::string, int> effects_before_it;  // a dead process would do nothing after this moment
  CrashSwitch crash("second", StepPhase::kStarted, 1, [&] {
    crash_now = true;
    effects_before_it = outside_.effects;
  });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.crash();
  outside_.effects = effects_before_it;
  fixture.boot();
  fixture.settle();
  ASSERT_EQ(outside_.log.size(), 2U);
  EXPECT_EQ(outside_.log[0], outside_.log[1]) << "now and uuid are the first run's";
  EXPECT_EQ(outside_.effects.size(), 2U);
  for (const auto& [key, count] : outside_.effects) EXPECT_EQ(count, 1) << key;
}

TEST_F(TurnTest, RepeatsAnUnfinishedRepeatableStepUnderTheSameKey) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", ship_repeatable);
  bool crash_now = false;
  CrashSwitch crash("ship", StepPhase::kEffectDone, 1, [&] { crash_now = true; });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.crash();
  fixture.boot();
  fixture.settle();
  ASSERT_EQ(outside_.effects.size(), 1U) << "one key, so the other side can drop the repeat";
  EXPECT_EQ(outside_.effects.begin()->second, 2);
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
}

TEST_F(TurnTest, LeavesAnUnfinishedUnrepeatableStepToAPerson) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", count_and_ship).state<Counter>();
  bool crash_now = false;
  CrashSwitch crash("ship", StepPhase::kStarted, 1, [&] { crash_now = true; });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.crash();
  outside_.effects.clear();
  fixture.boot();
  fixture.settle();
  EXPECT_TRUE(outside_.effects.empty()) << "it is not done a second time";
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].error.code, ErrorCode::kInDoubt);

  // The person decides that it is to be done.
  Status redriven = fail(ErrorCode::kInternal, "not answered");
  fixture.runtime->runtime().dead_letters().redrive(fixture.dead()[0].id, {.from_step = "1", .data = {}},
                                                    fixture.simulation.lane("loop"),
                                                    [&](Status status) { redriven = status; });
  fixture.simulation.run_until([&] { return redriven.ok(); });
  fixture.settle();
  ASSERT_TRUE(redriven.ok()) << redriven.error().text();
  fixture.simulation.run_until_idle(std::chrono::minutes(1));
  EXPECT_EQ(outside_.effects.size(), 1U);
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
}

TEST_F(TurnTest, AsksByReconcileWhetherAnUnfinishedStepHappened) {
  for (const bool happened : {true, false}) {
    Outside fresh;
    outside = &fresh;
    fresh.has_happened = happened;
    Fixture fixture(1, nothing);
    fixture.agent("shop", ship_reconciled);
    bool crash_now = false;
    CrashSwitch crash("ship", StepPhase::kStarted, 1, [&] { crash_now = true; });
    fixture.boot(&crash);
    fixture.send("shop", "e1", "k", "");
    fixture.simulation.run_until([&] { return crash_now; });
    fixture.crash();
    fresh.effects.clear();
    fixture.boot();
    fixture.settle();
    EXPECT_EQ(fresh.log, std::vector<std::string>{"reconcile"});
    EXPECT_EQ(fresh.effects.size(), happened ? 0U : 1U);
    ASSERT_EQ(fixture.sink.arrived.size(), 1U);
    EXPECT_EQ(fixture.sink.arrived[0].body, happened ? "found-e1" : "R-e1");
  }
}

TEST_F(TurnTest, AsksByReconcileWhenACallEndsInDoubt) {
  Fixture fixture(1, nothing);
  fixture.agent("worker", ship_in_doubt_reconciled);
  fixture.boot();
  for (const bool happened : {true, false}) {
    outside_.failures_left = 1;
    outside_.has_happened = happened;
    outside_.log.clear();
    outside_.effects.clear();
    fixture.send("worker", happened ? "a" : "b", "k", "");
    fixture.settle();
    EXPECT_EQ(outside_.log, std::vector<std::string>{"reconcile"});
    ASSERT_EQ(outside_.effects.size(), 1U) << "one key, whoever asks in between";
    EXPECT_EQ(outside_.effects.begin()->second, happened ? 1 : 2);
    EXPECT_EQ(fixture.sink.arrived.back().body, happened ? "found-a" : "R-b");
  }
  EXPECT_TRUE(fixture.dead().empty());
}

TEST_F(TurnTest, KeepsTheResultOfAnEffectThatIsNotUtf8) {
  Fixture fixture(1, nothing);
  fixture.agent("worker", ship_and_answer_in_latin1);
  fixture.boot();
  fixture.send("worker", "a", "k", "");
  fixture.settle();
  EXPECT_TRUE(fixture.dead().empty());
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_EQ(fixture.sink.arrived[0].body, "envoy\xEF\xBF\xBD");
}

TEST_F(TurnTest, LetsNoTextFromOutsideLeadToAnEffect) {
  Fixture fixture(1, [](const GenerateRequest& request) {
    if (request.prompt.messages.back().role == Role::kTool) return say("done");
    return call("ship", R"({"id": "7"})");
  });
  fixture.agent("worker", answers).tool("ship", "Ships an order", ship, ToolOptions<Receipt, Order>{});
  fixture.boot();
  for (const Trust trust : {Trust::kExternal, Trust::kUser}) {
    Event event;
    event.id = trust == Trust::kUser ? "user" : "external";
    event.source = "test";
    event.type = "test.event";
    event.agent = "worker";
    event.content_type = "text/plain";
    event.data = "ship order 7";
    event.trust = trust;
    fixture.runtime->acceptor()(event, [](const Result<Accepted>&) {});
    fixture.simulation.run_until_idle(std::chrono::seconds(5));
    fixture.settle();
    EXPECT_EQ(outside_.effects.size(), trust == Trust::kUser ? 1U : 0U);
  }
}

TEST_F(TurnTest, DoesNotRepeatAnEffectWhoseEndTheDiskDidNotTake) {
  outside_.has_happened = true;
  Fixture fixture(1, nothing);
  fixture.agent("shop", ship_reconciled);
  CrashSwitch full("ship", StepPhase::kEffectDone, 1, [&] { fixture.vfs.fail(FaultVfs::Operation::kSync, 0); });
  fixture.boot(&full);
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  ASSERT_EQ(outside_.effects.size(), 1U);
  EXPECT_EQ(outside_.effects.begin()->second, 1);
  EXPECT_EQ(outside_.log, std::vector<std::string>{"reconcile"});
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_EQ(fixture.sink.arrived[0].body, "found-e1");
}

TEST_F(TurnTest, SaysLoudlyThatAHandlerNoLongerFitsItsJournal) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", changes_its_mind);
  bool crash_now = false;
  CrashSwitch crash("second", StepPhase::kStarted, 1, [&] { crash_now = true; });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.crash();
  outside_.variant = 1;
  fixture.boot();
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].error.code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(fixture.dead()[0].error.message.find("non-deterministic"), std::string::npos);
}

TEST_F(TurnTest, DeadLettersAtOnceWhatTryingAgainCannotMend) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", refuses);
  fixture.boot();
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead()[0].attempts, 1);
}

TEST_F(TurnTest, WaitsOutWhatNeverLeftWhateverItsCodeUnlessItsInputIsWrong) {
  for (const ErrorCode code : {ErrorCode::kPermissionDenied, ErrorCode::kInvalidArgument}) {
    Outside fresh;
    outside = &fresh;
    fresh.failures_left = 8;
    fresh.unsent_code = code;  // a certificate that expired; a path that may not be sent
    Fixture fixture(1, nothing);
    fixture.agent("shop", ships_when_it_can_leave);
    fixture.boot();
    fixture.send("shop", "e1", "k", "");
    fixture.settle();
    const bool is_outage = code == ErrorCode::kPermissionDenied;
    EXPECT_EQ(fixture.dead().size(), is_outage ? 0U : 1U);
    EXPECT_EQ(fixture.sink.arrived.size(), is_outage ? 1U : 0U);
  }
}

TEST_F(TurnTest, TurnsAnyExceptionIntoAFailedTurn) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", throws_at_once);
  fixture.boot();
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_NE(fixture.dead()[0].error.message.find("no idea"), std::string::npos);
}

TEST_F(TurnTest, TurnsAnExceptionOfAHandlerThatIsNoCoroutineIntoAFailedTurn) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", throws_before_it_is_a_coroutine);
  fixture.boot();
  fixture.send("shop", "e1", "k", "");
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_NE(fixture.dead()[0].error.message.find("no coroutine"), std::string::npos);
}

TEST_F(TurnTest, TurnsAnExceptionWhileAStateIsReadOrWrittenIntoAFailedTurn) {
  for (const bool reading : {true, false}) {
    Fixture fixture(1, nothing);
    AgentSpec& shop = fixture.spec("shop", counts);
    shop.state = state_type_of<Counter>(version(1));
    if (reading) {
      shop.state.fresh = []() -> std::shared_ptr<void> { throw std::runtime_error("cannot be read"); };
    } else {
      shop.state.save = [](const void*) -> std::string { throw std::runtime_error("cannot be written"); };
    }
    fixture.boot();
    fixture.send("shop", "e1", "k", "");
    fixture.settle();
    ASSERT_EQ(fixture.dead().size(), 1U);
    EXPECT_NE(fixture.dead()[0].error.message.find(reading ? "cannot be read" : "cannot be written"),
              std::string::npos);
    EXPECT_EQ(fixture.dead()[0].attempts, fixture.limits.attempts_max) << "as any other failure";
  }
}

TEST_F(TurnTest, DecodesTheSameAgainWhenItIsCutOff) {
  Fixture fixture(1, [](const GenerateRequest& request) {
    return say("the seed is " + std::to_string(request.sampling.seed.value_or(0)));
  });
  fixture.agent("shop", answers);
  bool crash_now = false;
  CrashSwitch crash("decode", StepPhase::kStarted, 1, [&] { crash_now = true; });
  fixture.boot(&crash);
  fixture.send("shop", "e1", "k", "how many?");
  fixture.simulation.run_until([&] { return crash_now; });
  fixture.simulation.run_until([&] { return !fixture.engine->requests().empty(); });
  const auto seed = fixture.engine->requests()[0].sampling.seed;
  ASSERT_TRUE(seed.has_value());
  fixture.crash();
  fixture.boot();
  fixture.settle();
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_EQ(fixture.sink.arrived[0].body, "the seed is " + std::to_string(*seed));
}

TEST_F(TurnTest, GivesItsEventBackUncountedWhenTheRuntimeStops) {
  Fixture fixture(1, nothing);
  fixture.agent("shop", answers);
  fixture.boot();
  fixture.send("shop", "e1", "k", "how many?");
  fixture.simulation.run_until([&] { return fixture.engine->in_flight() == 1; });
  bool stopped = false;
  fixture.runtime->stop(Duration(0), [&] { stopped = true; });
  fixture.simulation.run_until([&] { return stopped; });
  ASSERT_TRUE(stopped);
  fixture.simulation.run_ready();
  fixture.runtime->close();
  fixture.chat.reset();
  fixture.runtime.reset();
  fixture.boot();
  fixture.settle();
  EXPECT_EQ(fixture.sink.arrived.size(), 1U);
}

}  // namespace
}  // namespace mnema
