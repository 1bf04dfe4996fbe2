// Procedures on their way through the program: learned from turns, shown to the model, counted, demoted.
#include <gtest/gtest.h>

#include "agents/context.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/store.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Fixture;
using testing::say;

struct Order {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id))
struct Refund {
  std::string id;
  int cents = 0;
};
BOOST_DESCRIBE_STRUCT(Refund, (), (id, cents))

const std::string kShown =
    "Do the task below as it was done before with success. First call find_order (id = from the request). Then call "
    "refund (cents = from the result of find_order, id = from the request).\n"
    "Whatever else you are told counts more.\n\n";

bool refunds_fail = false;

task<std::string> find_order(ToolCtx&, Order order) { co_return R"({"cents": 990, "id": ")" + order.id + "\"}"; }
task<std::string> refund(ToolCtx&, Refund refund) {
  if (refunds_fail) throw Failure(fail(ErrorCode::kInvalidArgument, "the bank refuses"));
  if (refund.cents != 990) throw Failure(fail(ErrorCode::kInvalidArgument, "the order did not cost that"));
  co_return "refunded";
}

task<Outcome> clerk(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().known("Known.", Trust::kOperator).user(event.data, Trust::kUser);
  Reply answer = co_await ctx.think(plan);
  if (answer.text == "I could not do it.") ctx.task_failed("the model gave up");
  Episode said;
  said.role = "user";
  said.text = event.data;
  ctx.remember(said);
  co_return reply(answer);
}

/// Shown how it is done, it does that; else it tries something first.
Result<Completion> model(const GenerateRequest& request) {
  int results = 0;
  bool knows = false;
  for (const Message& message : request.prompt.messages) {
    results += message.role == Role::kTool ? 1 : 0;
    for (const Segment& segment : message.content) {
      knows |= segment.label == "procedure" && segment.text.find("Then call refund") != std::string::npos;
    }
  }
  if (!knows && results == 0) return call("refund", R"({"id": "A-1", "cents": 1})");
  if (results == (knows ? 0 : 1)) return call("find_order", R"({"id": "A-1"})");
  if (results == (knows ? 1 : 2)) return call("refund", R"({"id": "A-1", "cents": 990})");
  return say("Done.");
}

class ProceduresTest : public ::testing::Test {
 protected:
  ProceduresTest() {
    refunds_fail = false;
    fixture_.agent("clerk", clerk)
        .tool("find_order", "Finds an order", find_order,
              ToolOptions<std::string, Order>{.has_effects = false, .on_external_text = true})
        .tool("refund", "Refunds an order", refund, ToolOptions<std::string, Refund>{.on_external_text = true});
    fixture_.boot();
  }
  /// One task; how many tools the model called.
  int run(const std::string& text = "Please refund order A-1", const std::string& key = "anna") {
    const std::size_t before = fixture_.engine->requests().size();
    fixture_.send("clerk", "event " + std::to_string(++events_), key, text);
    fixture_.settle();
    fixture_.simulation.run_for(std::chrono::minutes(1));  // idle: what was done is learned
    int calls = 0;
    const auto requests = fixture_.engine->requests();
    if (requests.size() > before) {
      for (const Message& message : requests.back().prompt.messages) calls += message.role == Role::kTool ? 1 : 0;
    }
    return calls;
  }
  std::vector<Procedure> all() {
    std::vector<Procedure> found;
    const Status read = fixture_.runtime->memory().look([&](Transaction& transaction) -> Status {
      ASSIGN_OR_RETURN(found, procedure_store::list(transaction, "local", std::nullopt, 100));
      return {};
    });
    CHECK(read.ok(), "read");
    return found;
  }

  Fixture fixture_{3, model};
  int events_ = 0;
};

TEST_F(ProceduresTest, ShortenTheFourthRunOfATaskThatSucceededThreeTimes) {
  EXPECT_EQ(run(), 3);
  EXPECT_EQ(run(), 3);
  EXPECT_EQ(run(), 3);
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(
      text_of(all()[0]),
      "First call find_order (id = from the request). Then call refund (cents = from the result of find_order, id "
      "= from the request).");
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(all()[0].successes, 1);
  EXPECT_EQ(all()[0].evidence.size(), 4U);
  fixture_.runtime->check_integrity();
}

TEST_F(ProceduresTest, AreDemotedAfterTwoTurnsThatFailWithThem) {
  for (int i = 0; i < 3; ++i) (void)run();
  refunds_fail = true;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run(), 2);
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].state, ProcedureState::kDemoted);
  refunds_fail = false;
  EXPECT_EQ(run(), 3) << "it is shown no more";
}

TEST_F(ProceduresTest, ShortenNobodyElsesRunsUntilTwoHaveDoneItSo) {
  for (int i = 0; i < 3; ++i) (void)run();
  EXPECT_EQ(run("Please refund order A-1", "bert"), 3) << "what anna alone did is nobody else's";
  EXPECT_EQ(run("Please refund order A-1", "bert"), 2) << "both of them have";
  EXPECT_EQ(run("Please refund order A-1", "carla"), 2);
}

TEST_F(ProceduresTest, StandRightBeforeTheTaskInTheSameBytesEachTime) {
  for (int i = 0; i < 3; ++i) (void)run();
  for (const char* text : {"Please refund order A-1", "Please refund my order A-1 today"}) {
    (void)run(text);
    const Message message = fixture_.engine->requests().back().prompt.messages.front();
    ASSERT_EQ(message.content.size(), 3U);
    EXPECT_EQ(message.content[0].label, "known");
    EXPECT_EQ(message.content[1].label, "procedure");
    EXPECT_EQ(message.content[1].trust, Trust::kUser);
    EXPECT_EQ(message.content[1].text, kShown);
    EXPECT_EQ(message.content[2].label, "event");
  }
}

TEST_F(ProceduresTest, AreTheSameInAReplayWhateverBecomesOfThem) {
  for (int i = 0; i < 3; ++i) (void)run();
  bool demoted = false;
  testing::CrashSwitch in_between("standing", StepPhase::kDone, 1, [&] {
    fixture_.runtime->memory().change(
        [](Transaction& transaction, Time now) { return procedure_store::demote(transaction, 1, "local", now); },
        fixture_.simulation.lane("loop"), [&](const Status& done) { demoted = done.ok(); });
  });
  fixture_.stop();
  fixture_.boot(&in_between);
  fixture_.send("clerk", "crashed", "anna", "Please refund order A-1");
  ASSERT_TRUE(fixture_.simulation.run_until([&] { return demoted; }));
  ASSERT_EQ(fixture_.runtime->runtime().mailbox().depths().leased, 1) << "inside the turn";
  fixture_.crash();
  fixture_.boot();
  int replayed = 0;
  fixture_.runtime->dispatcher().on_turn_end(
      [&](const Event&, Sequence, TurnEnd, const TurnReport& report) { replayed += report.steps_replayed; });
  fixture_.settle();
  ASSERT_FALSE(fixture_.engine->requests().empty());
  const Message message = fixture_.engine->requests().front().prompt.messages.front();
  ASSERT_EQ(message.content.size(), 3U);
  EXPECT_EQ(message.content[1].text, kShown) << "as the turn had been shown it";
  EXPECT_GT(replayed, 0);
  fixture_.simulation.run_for(std::chrono::minutes(1));
  EXPECT_TRUE(fixture_.dead().empty());
  ASSERT_EQ(all().size(), 1U);
  EXPECT_EQ(all()[0].state, ProcedureState::kDemoted);
  EXPECT_EQ(all()[0].successes, 1) << "counted once";
  EXPECT_EQ(all()[0].failures, 0);
  fixture_.runtime->check_integrity();
}

// ---- in talks ----

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

task<std::string> refund_it(ToolCtx&, Nothing) { co_return "refunded"; }

task<Outcome> chats(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(plan);
  if (event.data.ends_with("(too late)")) throw Failure(fail(ErrorCode::kAborted, "somebody was faster"));
  if (event.data.ends_with("(broken)")) throw Failure(fail(ErrorCode::kInvalidArgument, "it is broken"));
  co_return reply(answer);
}

/// Calls its tool where "refund" is asked for, and asks about "order 7".
Result<Completion> chat_model(const GenerateRequest& request) {
  const Message& last = request.prompt.messages.back();
  if (last.role == Role::kTool) return say("It is refunded.");
  const std::string event = last.content.back().text;
  if (event.find("efund") != std::string::npos) return call("refund_it", "{}");
  return say(event == "About order 7" ? "Shall I refund it?" : "I see.");
}

class ProceduresOfTalks : public ::testing::Test {
 protected:
  ProceduresOfTalks() {
    fixture_.agent("clerk", chats)
        .answers_chat()
        .tool("refund_it", "Refunds it", refund_it, ToolOptions<std::string, Nothing>{.on_external_text = true});
    fixture_.boot();
  }
  struct Talk {
    explicit Talk(std::string name) : user(std::move(name)) {}
    const std::string user;
    std::vector<Message> messages;
  };
  /// One turn, and what is learned of it. Whether it was answered.
  bool ask(Talk& talk, const std::string& text) {
    talk.messages.push_back(message_of(Role::kUser, text));
    ChatRequest request;
    request.generate.model = "clerk";
    request.generate.prompt.messages = talk.messages;
    request.user_hint = talk.user;
    std::optional<Result<Completion>> answer;
    ChatCallbacks callbacks;
    callbacks.on_delta = [](const Delta&) {};
    callbacks.on_done = [&](Result<Completion> completion) { answer = std::move(completion); };
    fixture_.chat->start_chat(std::move(request), fixture_.simulation.lane("rest"), std::move(callbacks));
    fixture_.simulation.run_until([&] { return answer.has_value(); });
    fixture_.simulation.run_for(std::chrono::minutes(1));
    CHECK(answer, "the chat has ended");
    if (answer->ok()) talk.messages.push_back(message_of(Role::kAssistant, (*answer)->text));
    return answer->ok();
  }
  void learn() {
    for (const char* user : {"anna", "bert", "carla"}) {
      Talk talk(user);
      ASSERT_TRUE(ask(talk, "Please refund the chair"));
    }
    ASSERT_EQ(all().size(), 1U);
    ASSERT_EQ(all()[0].state, ProcedureState::kActive);
  }
  std::vector<Procedure> all() {
    std::vector<Procedure> found;
    const Status read = fixture_.runtime->memory().look([&](Transaction& transaction) -> Status {
      ASSIGN_OR_RETURN(found, procedure_store::list(transaction, "local", std::nullopt, 100));
      return {};
    });
    CHECK(read.ok(), "read");
    return found;
  }
  /// The messages of the last prompt.
  [[nodiscard]] std::vector<std::string> prompt() const {
    std::vector<std::string> texts;
    const auto requests = fixture_.engine->requests();
    for (const Message& message : requests.back().prompt.messages) texts.push_back(message.text());
    return texts;
  }

  Fixture fixture_{7, chat_model};
};

TEST_F(ProceduresOfTalks, LeaveWhatWasLaidOutBeforeAsItWas) {
  learn();
  Talk talk("dora");
  ASSERT_TRUE(ask(talk, "Please refund the lamp"));
  const std::string first = prompt()[0];
  EXPECT_NE(first.find("First call refund_it."), std::string::npos) << first;
  ASSERT_TRUE(ask(talk, "How is the weather?"));
  EXPECT_EQ(prompt()[0], first);
  EXPECT_EQ(prompt().back(), "How is the weather?");
  const auto demote = [](Transaction& transaction, Time now) {
    return procedure_store::demote(transaction, 1, "local", now);
  };
  bool demoted = false;
  fixture_.runtime->memory().change(demote, fixture_.simulation.lane("loop"),
                                    [&](const Status& done) { demoted = done.ok(); });
  fixture_.simulation.run_until([&] { return demoted; });
  ASSERT_TRUE(ask(talk, "Please refund the table"));
  EXPECT_EQ(prompt()[0], first) << "the prefix is found again";
  EXPECT_EQ(fixture_.engine->requests().back().prompt.messages[4].text(), "Please refund the table");
}

TEST_F(ProceduresOfTalks, AreNotLearnedFromWhatOnlyAnswers) {
  for (const char* user : {"anna", "bert", "carla"}) {
    Talk talk(user);
    ASSERT_TRUE(ask(talk, "About order 7"));
    ASSERT_TRUE(ask(talk, "By all means refund my money"));
    ASSERT_TRUE(ask(talk, "Yes, please refund another one"));
  }
  EXPECT_TRUE(all().empty());
  Talk talk("dora");
  ASSERT_TRUE(ask(talk, "By all means refund my money"));
  EXPECT_EQ(all().size(), 1U) << "where nothing was asked it is a task";
}

TEST_F(ProceduresOfTalks, CountACorrectionAndNoOtherNo) {
  learn();
  Talk talk("dora");
  ASSERT_TRUE(ask(talk, "Please refund the lamp"));
  EXPECT_EQ(all()[0].successes, 1);
  ASSERT_TRUE(ask(talk, "No, thanks, that's all."));
  EXPECT_EQ(all()[0].failures, 0);
  ASSERT_TRUE(ask(talk, "Please refund the table"));
  ASSERT_TRUE(ask(talk, "No, the other table"));
  EXPECT_EQ(all()[0].failures, 1);
  EXPECT_EQ(all()[0].successes, 1);
}

TEST_F(ProceduresOfTalks, CountNoFailureThatSaysNothingOfTheTask) {
  learn();
  Talk talk("dora");
  EXPECT_FALSE(ask(talk, "Please refund the lamp (too late)"));
  EXPECT_EQ(all()[0].failures, 0);
  Talk other("dora");
  EXPECT_FALSE(ask(other, "Please refund the lamp (broken)"));
  EXPECT_EQ(all()[0].failures, 1);
}

TEST(ProceduresOff, AreNeitherLearnedNorShown) {
  refunds_fail = false;
  Fixture fixture{3, model};
  fixture.agent("clerk", clerk)
      .tool("find_order", "Finds an order", find_order,
            ToolOptions<std::string, Order>{.has_effects = false, .on_external_text = true})
      .tool("refund", "Refunds an order", refund, ToolOptions<std::string, Refund>{.on_external_text = true})
      .procedures(false);
  fixture.boot();
  for (int i = 0; i < 4; ++i) {
    fixture.send("clerk", "event " + std::to_string(i), "anna", "Please refund order A-1");
    fixture.settle();
  }
  fixture.simulation.run_for(std::chrono::minutes(1));
  const auto rows =
      fixture.runtime->runtime().database().read<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
        ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_task_runs"));
        ASSIGN_OR_RETURN(const bool row, select.step());
        return row ? select.integer(0) : -1;
      });
  EXPECT_EQ(*rows, 0);
}

}  // namespace
}  // namespace mnema
