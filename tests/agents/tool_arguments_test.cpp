#include "agents/tool_arguments.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

#include "agents/context.hpp"
#include "runtime/base/json.hpp"
#include "tests/agents/fixture.hpp"
#include "tests/agents/peer.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Fixture;
using testing::say;

struct Refund {
  std::int64_t order = 0;
  double amount = 0;
  std::vector<std::uint64_t> lines;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Refund, (), (order, amount, lines, note))

std::vector<Refund>* refunds = nullptr;

task<std::string> refund(ToolCtx&, Refund request) {
  refunds->push_back(request);
  co_return "refunded";
}

/// What the model is told, or "" where the arguments fit.
std::string answer_to(const std::string& arguments, boost::json::value parameters = nullptr) {
  AgentSpec agent;
  agent.tools.push_back(make_tool<std::string, Refund>("refund", "Refund an order", refund, {}));
  if (!parameters.is_null()) agent.tools[0].definition.parameters = std::move(parameters);
  EXPECT_TRUE(compile_tools(agent).ok());
  const auto read = read_arguments(agent.tools[0], arguments);
  return read.ok() ? "" : read.error().message;
}

TEST(ToolArguments, ThatDoNotFitAreToldWithEachPlaceAndWhatWasExpected) {
  EXPECT_EQ(answer_to(R"({"order":1,"amount":2.5,"lines":[]})"), "");
  const std::string told = answer_to(R"({"order":"1","amount":2,"lines":[1,"b"],"reason":"x"})");
  EXPECT_NE(told.find("at /order: expected integer, found a string"), std::string::npos) << told;
  EXPECT_NE(told.find("at /lines/1: expected integer, found a string"), std::string::npos) << told;
  EXPECT_NE(told.find("/reason"), std::string::npos) << told;
  EXPECT_NE(answer_to(R"({"order":1,"lines":[]})").find("amount"), std::string::npos);
  EXPECT_NE(answer_to("[1]").find("expected object"), std::string::npos);
  EXPECT_NE(answer_to(R"({"order":1)").find("is not valid JSON"), std::string::npos);
}

TEST(ToolArguments, OfAToolThatIsCalledLikeOneOfTheRuntimesAreNotTaken) {
  AgentSpec agent;
  agent.name = "clerk";
  agent.tools.push_back(make_tool<std::string, Refund>("memory_append", "Refund an order", refund, {}));
  EXPECT_TRUE(compile_tools(agent).ok()) << "there is no other of this name";
  agent.edits_blocks = true;
  const Status refused = compile_tools(agent);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("'memory_append' is the runtime's own tool"), std::string::npos);
}

TEST(ToolArguments, WithANumberThatNoDoubleHoldsAreRefused) {
  const std::string digits(400, '9');
  for (const std::string& amount : {std::string("1e400"), std::string("-1e999"), digits, "-" + digits}) {
    const std::string told = answer_to(R"({"order":1,"amount":)" + amount + R"(,"lines":[]})");
    EXPECT_NE(told.find("at /amount: expected a number below 1.8e308"), std::string::npos) << amount << ": " << told;
  }
  EXPECT_EQ(answer_to(R"({"order":1,"amount":1.5e308,"lines":[]})"), "");
  EXPECT_EQ(answer_to(R"({"order":1,"amount":1e-400,"lines":[]})"), "");
}

TEST(ToolArguments, AreHeldToAllThatTheSchemaOfTheToolSays) {
  const boost::json::value narrow = boost::json::parse(
      R"({"type":"object","properties":{"order":{"type":"integer","minimum":10},"amount":{"enum":[0.5,1]}}})");
  EXPECT_EQ(answer_to(R"({"order":10,"amount":0.5})", narrow), "");
  EXPECT_NE(answer_to(R"({"order":9,"amount":0.5})", narrow).find("at /order: "), std::string::npos);
  EXPECT_NE(answer_to(R"({"order":10,"amount":0.7})", narrow).find("at /amount: "), std::string::npos);
}

TEST(ToolArguments, OfNullCountAsLeftOut) {
  EXPECT_EQ(answer_to(R"({"order":1,"amount":2.5,"lines":[],"note":null})"), "");
  EXPECT_NE(answer_to(R"({"order":null,"amount":2.5,"lines":[],"note":null})").find("order"), std::string::npos);
  EXPECT_NE(answer_to(R"({"order":1,"amount":2.5,"lines":[null]})").find("at /lines/0: "), std::string::npos);
}

TEST(ToolArguments, OfASchemaThatIsNoneAreRefusedWhenTheAgentIsOpened) {
  AgentSpec agent;
  agent.name = "shop";
  agent.tools.push_back(make_tool<std::string, Refund>("refund", "Refund an order", refund, {}));
  agent.tools[0].definition.parameters =
      boost::json::parse(R"({"type":"object","properties":{"order":{"type":"whole"}}})");
  const Status status = compile_tools(agent);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("agent 'shop': the parameters of tool 'refund'"), std::string::npos);
  EXPECT_NE(status.error().message.find("/properties/order"), std::string::npos) << status.error().message;
}

/// Calls the tool with each line of the event that begins as an object, and then says all that it was told.
Result<Completion> calls_in_turn(const GenerateRequest& request) {
  std::string told;
  std::size_t answers = 0;
  std::vector<std::string> calls;
  for (const Message& message : request.prompt.messages) {
    if (message.role == Role::kTool) ++answers, told += message.text() + "\n";
    if (message.role != Role::kUser) continue;
    std::istringstream lines(message.text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('{')) calls.push_back(line);
    }
  }
  if (answers == calls.size()) return say(told);
  return call("refund", calls[answers]);
}

task<Outcome> lets_the_model_refund(Ctx& ctx, Event event) {
  Reply answer = co_await ctx.think(ctx.prompt().user(event.data));
  ctx.send("out", answer.text, "text/plain");
  co_return done();
}

TEST(ToolArguments, OfATurnRunTheToolOnceTheyFitAndWithAllTheirDigits) {
  std::vector<Refund> done;
  refunds = &done;
  Fixture fixture(1, calls_in_turn);
  fixture.agent("shop", lets_the_model_refund).tool("refund", "Refund an order", refund, {.repeatable = true});
  fixture.boot();
  fixture.send("shop", "e", "k",
               R"({"order":1234567890123456789012,"amount":1,"lines":[]}
{"order":"9007199254740993","amount":1,"lines":[]}
{"order":9007199254740993,"amount":1,"lines":[18446744073709551615],"note":null}
end)");
  fixture.settle();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].order, 9007199254740993);
  EXPECT_EQ(done[0].lines, std::vector<std::uint64_t>{18446744073709551615U});
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  const std::string told = fixture.sink.arrived[0].body;
  EXPECT_NE(told.find("found 1234567890123456789012"), std::string::npos) << told;
  EXPECT_NE(told.find("at /order: expected integer, found a string"), std::string::npos) << told;
  EXPECT_NE(told.find("refunded"), std::string::npos) << told;
  refunds = nullptr;
}

task<std::string> fails_at_length(ToolCtx&, Refund) {
  throw Failure(fail(ErrorCode::kInvalidArgument, "the shop says: " + std::string(100'000, 'x')));
  co_return "";
}

TEST(ToolArguments, OfAToolThatFailsAreAnsweredWithSoMuchOfItsErrorThatThePromptBears) {
  Fixture fixture(1, calls_in_turn);
  fixture.agent("shop", lets_the_model_refund).tool("refund", "Refund an order", fails_at_length, {.repeatable = true});
  fixture.boot();
  fixture.send("shop", "e", "k", R"({"order":1,"amount":1,"lines":[]}
end)");
  fixture.settle();
  ASSERT_EQ(fixture.sink.arrived.size(), 1U);
  EXPECT_NE(fixture.sink.arrived[0].body.find("the shop says: xxx"), std::string::npos);
  EXPECT_LT(fixture.sink.arrived[0].body.size(), 5'000U);
}

}  // namespace
}  // namespace mnema
