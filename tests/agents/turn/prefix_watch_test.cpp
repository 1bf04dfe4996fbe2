#include "agents/turn/prefix_watch.hpp"

#include <gtest/gtest.h>

#include "agents/testing.hpp"

namespace mnema {
namespace {

struct NoExecutor final : Executor {
  void post(std::function<void()>) override { FAIL() << "nothing is to be posted"; }
  void post_after(Duration, std::function<void()>) override { FAIL() << "nothing is to be posted"; }
};

Prompt prompt_of(std::string system, std::string recall, std::string event) {
  Prompt prompt;
  prompt.messages.push_back(
      {Role::kSystem, {{std::move(system), Sharing::kPublic, Trust::kSystem, "system"}}, {}, {}, {}, {}});
  prompt.messages.push_back({Role::kUser,
                             {{std::move(recall), Sharing::kUser, Trust::kExternal, "recall"},
                              {std::move(event), Sharing::kUser, Trust::kUser, "event"}},
                             {},
                             {},
                             {},
                             {}});
  return prompt;
}

class PrefixWatchTest : public ::testing::Test {
 protected:
  std::optional<PrefixDifference> note(const Prompt& prompt, const std::string& session = "s",
                                       const std::string& tenant = "local") {
    return watch.note(tenant, session, prompt, *engine.prepare("scripted", prompt, {}).value());
  }
  NoExecutor executor;
  testing::ScriptedEngine engine{executor, {}};
  PrefixWatch watch{2};
};

TEST_F(PrefixWatchTest, NamesTheSegmentOfTheFirstTokenThatDiffers) {
  EXPECT_FALSE(note(prompt_of("be good", "notes A", "hello")).has_value());
  EXPECT_EQ(note(prompt_of("be good", "notes B", "hello"))->segment, "recall");
  EXPECT_EQ(note(prompt_of("be good", "notes B", "howdy"))->segment, "event");
  const auto difference = note(prompt_of("be bad", "notes B", "howdy"));
  EXPECT_EQ(difference->segment, "system");
  EXPECT_EQ(difference->token, static_cast<int>(std::string("<|system|>be ").size()));
}

TEST_F(PrefixWatchTest, ForgetsTheSessionThatWasNotedLongestAgo) {
  const Prompt prompt = prompt_of("a", "b", "c");
  EXPECT_FALSE(note(prompt, "1").has_value());
  EXPECT_FALSE(note(prompt, "2").has_value());
  EXPECT_TRUE(note(prompt, "1").has_value());
  EXPECT_FALSE(note(prompt, "3").has_value());
  EXPECT_FALSE(note(prompt, "2").has_value());
}

TEST_F(PrefixWatchTest, SaysThatAPromptWasOnlyExtended) {
  Prompt prompt = prompt_of("be good", "notes", "hello");
  prompt.add_generation_prompt = false;
  EXPECT_FALSE(note(prompt).has_value());
  const int before = engine.prepare("scripted", prompt, {}).value()->size();
  prompt.messages.push_back(message_of(Role::kAssistant, "hi"));
  const auto difference = note(prompt);
  EXPECT_EQ(difference->token, before);
  EXPECT_EQ(difference->previous_tokens, before);
  EXPECT_EQ(difference->segment, "assistant");
}

TEST_F(PrefixWatchTest, KeepsTheSessionsOfOneTenantFromAnothers) {
  const Prompt prompt = prompt_of("a", "b", "c");
  EXPECT_FALSE(note(prompt, "1", "red").has_value());
  EXPECT_FALSE(note(prompt, "1", "blue").has_value()) << "another's session of that name";
  for (const char* session : {"2", "3", "4", "5"}) {
    EXPECT_FALSE(note(prompt, session, "blue").has_value());
  }
  EXPECT_TRUE(note(prompt, "1", "red").has_value()) << "not forgotten for blue's";
  watch.check_integrity();
}

TEST_F(PrefixWatchTest, ForgetsTheTenantThatWasNotedLongestAgo) {
  PrefixWatch narrow(2, 2);
  const Prompt prompt = prompt_of("a", "b", "c");
  const auto prepared = engine.prepare("scripted", prompt, {}).value();
  for (const char* tenant : {"red", "blue", "red", "green"}) {
    [[maybe_unused]] const auto noted = narrow.note(tenant, "1", prompt, *prepared);
    narrow.check_integrity();
  }
  EXPECT_TRUE(narrow.note("red", "1", prompt, *prepared).has_value());
  EXPECT_FALSE(narrow.note("blue", "1", prompt, *prepared).has_value());
}

TEST_F(PrefixWatchTest, KeepsNothingOfATenantThatIsErased) {
  const Prompt prompt = prompt_of("a", "b", "c");
  for (const char* tenant : {"red", "blue"}) EXPECT_FALSE(note(prompt, "1", tenant).has_value());
  watch.erase("red");
  watch.check_integrity();
  EXPECT_FALSE(note(prompt, "1", "red").has_value());
  EXPECT_TRUE(note(prompt, "1", "blue").has_value());
}

}  // namespace
}  // namespace mnema
