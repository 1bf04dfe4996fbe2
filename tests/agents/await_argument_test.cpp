#include "agents/await_argument.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

struct Order {
  std::string id;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, note))

enum class Answer { yes, no };
BOOST_DESCRIBE_ENUM(Answer, yes, no)

task<std::string> note_of(ToolCtx&, Order order) { co_return order.id + order.note.value_or(""); }
task<std::string> echo(ToolCtx&, std::string text) { co_return text; }
std::string shout(std::string text) { return text + "!"; }
std::string id_of(Order order) { return order.id; }
Order make_order() { return Order{"made", std::nullopt}; }

// What GCC 12 would break must not compile. A template, so that a refusal is an answer and no error.
template <class C>
concept RecallsABracedQuery = requires(C& ctx) { ctx.recall({.text = "x"}); };
template <class C>
concept RecallsATemporaryQuery = requires(C& ctx) { ctx.recall(RecallQuery{}); };
template <class C>
concept RecallsAnEmptyList = requires(C& ctx) { ctx.recall({}); };
template <class C>
concept RecallsANamedQuery = requires(C& ctx, RecallQuery query) { ctx.recall(query); };
template <class C>
concept RecallsAText = requires(C& ctx) { ctx.recall("x"); };
template <class C>
concept ThinksWithBracedOptions = requires(C& ctx, PromptPlan plan) { ctx.think(plan, {.tools = false}); };
template <class C>
concept ThinksWithTemporaryOptions = requires(C& ctx, PromptPlan plan) { ctx.think(plan, ThinkOptions{}); };
template <class C>
concept ThinksOfATypeWithBracedOptions =
    requires(C& ctx, PromptPlan plan) { ctx.template think_as<Answer>(plan, {.tokens_max = 3}); };
template <class C>
concept ThinksWithNamedOptions = requires(C& ctx, PromptPlan plan, ThinkOptions options) { ctx.think(plan, options); };
template <class C>
concept StepsWithABracedArgument = requires(C& ctx) { ctx.step("s", note_of, {.id = "x"}); };
template <class C>
concept StepsWithATemporaryArgument = requires(C& ctx) { ctx.step("s", note_of, Order{"x", {}}); };
template <class C>
concept StepsWithANamedArgument =
    requires(C& ctx, Order order) { ctx.step("s", note_of, order, {.repeatable = true}); };
template <class C>
concept StepsWithAText = requires(C& ctx) { ctx.step("s", echo, "x"); };
template <class C>
concept BlocksWithATemporaryArgument = requires(C& ctx) { ctx.blocking("b", id_of, Order{"x", {}}); };
template <class C>
concept BlocksWithANamedArgument = requires(C& ctx, Order order) { ctx.blocking("b", id_of, order); };
template <class C>
concept CallsWithABracedCall = requires(C& tool) { tool.call("c", {.path = "/"}); };
template <class C>
concept CallsWithATemporaryCall = requires(C& tool) { tool.call("c", ConnectorCall{}); };
template <class C>
concept CallsWithANamedCall = requires(C& tool, ConnectorCall call) { tool.call("c", call); };

static_assert(!RecallsABracedQuery<Ctx> && !RecallsATemporaryQuery<Ctx> && !RecallsAnEmptyList<Ctx>);
static_assert(RecallsANamedQuery<Ctx> && RecallsAText<Ctx>);
static_assert(!ThinksWithBracedOptions<Ctx> && !ThinksWithTemporaryOptions<Ctx>);
static_assert(!ThinksOfATypeWithBracedOptions<Ctx> && ThinksWithNamedOptions<Ctx>);
static_assert(!StepsWithABracedArgument<Ctx> && !StepsWithATemporaryArgument<Ctx>);
static_assert(!StepsWithABracedArgument<ToolCtx> && !StepsWithATemporaryArgument<ToolCtx>);
static_assert(StepsWithANamedArgument<Ctx> && StepsWithAText<Ctx>);
static_assert(!BlocksWithATemporaryArgument<Ctx> && BlocksWithANamedArgument<Ctx>);
static_assert(!CallsWithABracedCall<ToolCtx> && !CallsWithATemporaryCall<ToolCtx> && CallsWithANamedCall<ToolCtx>);
static_assert(!BreaksInsideAwait<PromptPlan> && !BreaksInsideAwait<std::string>);

constexpr const char* kLong = "a text that is too long for the small buffer of a string";

task<Outcome> awaits_in_every_form_that_compiles(Ctx& ctx, Event event) {
  std::string log;
  RecallQuery query;
  query.text = kLong;
  Recalled named = co_await ctx.recall(query);
  Recalled by_literal = co_await ctx.recall("a text that is too long for the small buffer of a string");
  Recalled by_text = co_await ctx.recall(event.data + kLong);
  log += std::to_string(named.hits.size() + by_literal.hits.size() + by_text.hits.size());

  ThinkOptions options;
  options.tools = false;
  options.model = "scripted";
  Reply one = co_await ctx.think(ctx.prompt().user(kLong), options);
  Reply two = co_await ctx.think(PromptPlan(Trust::kUser).user(kLong).known(kLong));
  Answer three = co_await ctx.think_as<Answer>(ctx.prompt().user(kLong).with(named, kLong));
  log += one.text + two.text + (three == Answer::yes ? "yes" : "no");

  Order order{"named", kLong};
  log += co_await ctx.step(kLong, note_of, order);
  log += co_await ctx.step(std::string(kLong) + "2", note_of, order, {.repeatable = true});
  const Order made = make_order();
  log += co_await ctx.step("made", note_of, made, {.has_effects = false, .on_external_text = true});
  log += co_await ctx.step("echo", echo, std::string(kLong) + "3");
  log += co_await ctx.blocking("shout", shout, kLong);
  log += co_await ctx.blocking("id", id_of, order);
  ctx.send("out", log, "text/plain");
  ctx.remember(Episode{});  // not awaited: any form
  co_return reply(log);
}

TEST(AwaitArgument, LetsEveryFormThatCompilesRun) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("yes"); });
  fixture.agent("all", awaits_in_every_form_that_compiles);
  fixture.boot();
  fixture.send("all", "e1", "k", "x");
  fixture.settle();
  EXPECT_TRUE(fixture.dead().empty());
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  const std::string text = kLong;
  EXPECT_EQ(fixture.sink.arrived[0].body,
            "0yesyesyesnamed" + text + "named" + text + "made" + text + "3" + text + "!named");
}

}  // namespace
}  // namespace mnema
