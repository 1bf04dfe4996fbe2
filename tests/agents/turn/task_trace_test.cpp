#include "agents/turn/task_trace.hpp"

#include <gtest/gtest.h>

#include "agents/agent.hpp"
#include "agents/context.hpp"
#include "agents/tool_arguments.hpp"

namespace mnema {
namespace {

enum class Speed { slow, fast };
BOOST_DESCRIBE_ENUM(Speed, slow, fast)
struct Ship {
  std::string order;
  std::optional<Speed> speed;
  std::optional<std::string> note;
  std::optional<bool> insured;
};
BOOST_DESCRIBE_STRUCT(Ship, (), (order, speed, note, insured))

task<std::string> ship(ToolCtx&, Ship) { co_return "shipped"; }

class TaskTraceTest : public ::testing::Test {
 protected:
  TaskTraceTest() {
    AgentBuilder(agent_)
        .tool("ship", "Ships an order", ship, ToolOptions<std::string, Ship>{})
        .tool("look", "Looks", ship, ToolOptions<std::string, Ship>{.has_effects = false});
    CHECK(compile_tools(agent_).ok(), "compiled");
  }
  void note(const std::string& tool, const std::string& arguments, const std::string& result = R"("done")",
            bool failed = false) {
    const ToolSpec* spec = nullptr;
    for (const ToolSpec& known : agent_.tools) {
      if (known.definition.name == tool) spec = &known;
    }
    trace_.note(spec, {"", tool, arguments}, result, failed);
  }
  [[nodiscard]] std::string text() const {
    Procedure procedure;
    procedure.steps = trace_.steps();
    return text_of(procedure);
  }

  AgentSpec agent_;
  TaskTrace trace_{{"Please ship order A-17 to Anna", R"({"order": "A-17"})"}};
};

TEST_F(TaskTraceTest, SaysWhereArgumentsCameFromAndKeepsNoValue) {
  note("look", R"({"order": "a-17"})", R"({"parcel": "P-900", "owner": "Anna Berg"})");
  note("ship", R"({"order": "P-900", "speed": "fast", "note": "handle it with care", "insured": true})");
  EXPECT_EQ(
      text(),
      "First call look (order = from the request). Then call ship (insured, note, order = from the result of look, "
      "speed).")
      << "also none that the tool lists: what one person chose is not told to the next";
  EXPECT_EQ(steps_to_json(trace_.steps()).find("fast"), std::string::npos);
  EXPECT_EQ(steps_to_json(trace_.steps()).find("true"), std::string::npos);
}

TEST_F(TaskTraceTest, TakesAListedValueFromTheRequestWhereItStandsThere) {
  TaskTrace trace({"Ship A-17 slow please"});
  const ToolCall call{"", "ship", R"({"order": "A-17", "speed": "slow"})"};
  trace.note(&agent_.tools[0], call, R"("done")", false);
  ASSERT_EQ(trace.steps().size(), 1U);
  EXPECT_EQ(trace.steps()[0].arguments[1], (ArgumentShape{"speed", ArgumentOrigin::kTask, ""}));
}

TEST_F(TaskTraceTest, LeavesOutCallsThatWereNotNeeded) {
  note("ship", R"({"order": "A-1"})", R"({"error": "no such order"})");
  note("ship", R"({"order": "A-2"})", "{}", true);
  note("fly", R"({"order": "A-17"})", "{}", true);
  note("look", R"({"order": "nobody"})", "[]");
  note("ship", R"({"order": "A-17"})");
  note("ship", R"({"order": "A-17"})");
  EXPECT_EQ(text(), "First call ship (order = from the request).");
  EXPECT_EQ(trace_.calls(), 6);
  EXPECT_EQ(trace_.unresolved(), "fly") << "nothing was made of that one";
}

TEST_F(TaskTraceTest, ForgivesAFailureThatASecondCallMadeGood) {
  note("ship", R"({"order": "A-1"})", R"({"ok": false})");
  EXPECT_EQ(trace_.unresolved(), "ship");
  note("ship", R"({"order": "A-17"})");
  EXPECT_EQ(trace_.unresolved(), "");
}

TEST_F(TaskTraceTest, DoesNotTakeAPartOfAWordForWhereAValueCameFrom) {
  note("ship", R"({"order": "17 to"})");
  EXPECT_EQ(text(), "First call ship (order = from the request).");
  note("ship", R"({"order": "nna"})");
  EXPECT_EQ(text(), "First call ship (order = from the request). Then call ship (order).");
}

TEST(SaysFailure, GoesByWhatToolsCommonlyAnswer) {
  EXPECT_TRUE(says_failure(R"({"error": "no"})"));
  EXPECT_TRUE(says_failure(R"({"success": false})"));
  for (const char* fine : {R"({"error": null})", R"({"error": ""})", R"({"ok": true})", R"("error")", "no json"}) {
    EXPECT_FALSE(says_failure(fine)) << fine;
  }
}

}  // namespace
}  // namespace mnema
