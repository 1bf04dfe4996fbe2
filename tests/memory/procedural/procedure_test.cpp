#include "memory/procedural/procedure.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

const std::vector<TaskStep> kSteps = {
    {"find", {{"id", ArgumentOrigin::kTask, ""}}},
    {"set", {{"force", ArgumentOrigin::kTask, ""}, {"id", ArgumentOrigin::kResult, "find"}}}};

TEST(Procedure, KeepsItsStepsThroughJson) {
  EXPECT_EQ(steps_from_json(steps_to_json(kSteps)).value(), kSteps);
  EXPECT_TRUE(steps_from_json("[]")->empty());
  for (const char* broken :
       {"{}", "[1]", R"([{"tool": "a"}])", R"([{"tool": "a", "arguments": [["b", 3, "true"]]}])", "["}) {
    EXPECT_FALSE(steps_from_json(broken).ok()) << broken;
  }
}

TEST(Procedure, HasTheArgumentsThatMostRunsGave) {
  std::vector<TaskStep> with_note = kSteps, with_other_origin = kSteps;
  with_note[0].arguments.push_back({"note", ArgumentOrigin::kChosen, ""});
  with_other_origin[1].arguments[0].origin = ArgumentOrigin::kResult;
  const std::vector<TaskStep> merged = merged_steps({kSteps, with_note, with_other_origin});
  EXPECT_EQ(merged[0], kSteps[0]) << "one in three gave a note";
  EXPECT_EQ(merged[1].arguments[0].origin, ArgumentOrigin::kChosen) << "they do not agree on where it came from";
  EXPECT_EQ(merged[1].arguments[1], kSteps[1].arguments[1]);
  EXPECT_TRUE(merged_steps({}).empty());
}

TEST(Procedure, ReadsAsSentences) {
  Procedure procedure;
  procedure.steps = kSteps;
  EXPECT_EQ(text_of(procedure),
            "First call find (id = from the request). Then call set (force = from the request, id = from the result of "
            "find).");
  EXPECT_EQ(line_of(kSteps), "find(id) → set(force, id)");
  procedure.words = "Ask first.";
  EXPECT_EQ(text_of(procedure), "Ask first.");
}

}  // namespace
}  // namespace mnema
