#include "inference/text/prompt_memo.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

Prompt prompt_of(std::string text) {
  Prompt prompt;
  prompt.messages.push_back(message_of(Role::kUser, std::move(text)));
  return prompt;
}

std::shared_ptr<const PreparedPrompt> prepared_of(std::size_t tokens) {
  auto prepared = std::make_shared<PreparedPrompt>();
  prepared->tokens.assign(tokens, 7);
  return prepared;
}

bool knows(PromptMemo& memo, const std::string& tenant, std::string_view piece) {
  std::vector<TokenId> ids;
  return PromptMemo::Reader(memo, tenant, "m").append(piece, 0, ids);
}

TEST(PromptMemo, GivesIdsOfAPieceToTheSameTenantModelAndVariantOnly) {
  PromptMemo memo(1 << 20);
  PromptMemo::Reader reader(memo, "t", "m");
  reader.keep("hello", 0, std::vector<TokenId>{1, 2});
  std::vector<TokenId> ids{9};
  EXPECT_TRUE(reader.append("hello", 0, ids));
  EXPECT_EQ(ids, (std::vector<TokenId>{9, 1, 2}));
  EXPECT_FALSE(reader.append("hello", 1, ids));
  EXPECT_FALSE(reader.append("hell", 0, ids));
  EXPECT_FALSE(PromptMemo::Reader(memo, "other", "m").append("hello", 0, ids));
  EXPECT_FALSE(PromptMemo::Reader(memo, "t", "other").append("hello", 0, ids));
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(reader.bytes_tokenized(), 5U);
}

TEST(PromptMemo, TellsPromptsApartByEveryFieldThatIdsAndBordersDependOn) {
  std::vector<Prompt> prompts(12, prompt_of("text"));
  prompts[1].messages[0].role = Role::kSystem;
  prompts[2].messages[0].content[0].sharing = Sharing::kPublic;
  prompts[3].messages[0].content[0].trust = Trust::kSystem;
  prompts[4].messages[0].content.push_back({"", Sharing::kUser, Trust::kUser, ""});
  prompts[5].messages[0].reasoning = "because";
  prompts[6].messages[0].tool_calls.push_back({"1", "f", "{}"});
  prompts[7].messages[0].tool_call_id = "1";
  prompts[8].add_generation_prompt = false;
  prompts[9].template_arguments["enable_thinking"] = false;
  prompts[10].tools.push_back({"f", "", nullptr});
  prompts[11].raw_text = "text";
  PromptMemo memo(1 << 20);
  PromptMemo::Reader reader(memo, "t", "m");
  std::vector<std::shared_ptr<const PreparedPrompt>> made;
  for (const Prompt& prompt : prompts) {
    EXPECT_EQ(reader.find(prompt), nullptr);
    reader.keep(made.emplace_back(prepared_of(3)));
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(reader.find(prompts[i]), made[i]) << i;
}

TEST(PromptMemo, ATenantThatIsErasedIsNotFoundAgainNorWhatWasBegunBefore) {
  PromptMemo memo(1 << 20);
  PromptMemo::Reader before(memo, "t", "m"), others(memo, "u", "m");
  before.keep("mine", 0, std::vector<TokenId>{1});
  others.keep("other", 0, std::vector<TokenId>{1});
  memo.erase("t");
  EXPECT_FALSE(knows(memo, "t", "mine"));
  EXPECT_TRUE(knows(memo, "u", "other"));
  before.keep("late", 0, std::vector<TokenId>{1});
  EXPECT_FALSE(knows(memo, "t", "late"));
  PromptMemo::Reader(memo, "t", "m").keep("new", 0, std::vector<TokenId>{1});
  EXPECT_TRUE(knows(memo, "t", "new"));
}

TEST(PromptMemo, NoTenantPushesOutWhatAnotherKeeps) {
  PromptMemo memo(100'000);
  PromptMemo::Reader(memo, "small", "m").keep("mine", 0, std::vector<TokenId>{1});
  for (const char* tenant : {"loud", "louder"}) {
    PromptMemo::Reader reader(memo, tenant, "m");
    for (int i = 0; i < 1000; ++i) reader.keep(std::to_string(i), 0, std::vector<TokenId>(100, i));
    EXPECT_TRUE(knows(memo, tenant, "999"));
    EXPECT_FALSE(knows(memo, tenant, "0")) << "the oldest go";
  }
  EXPECT_TRUE(knows(memo, "small", "mine"));
  memo.check_integrity();
}

TEST(PromptMemo, KeepsItsBoundOverRandomUse) {
  SeededRandom random(3);
  PromptMemo memo(20'000);
  for (int i = 0; i < 5000; ++i) {
    const std::string tenant = "t" + std::to_string(random.next_u64() % 5);
    PromptMemo::Reader reader(memo, tenant, "m");
    const std::string text = std::to_string(random.next_u64() % 50);
    if (random.next_u64() % 100 == 0) memo.erase(tenant);
    if (random.next_u64() % 3 == 0) {
      if (reader.find(prompt_of(text)) == nullptr) reader.keep(prepared_of(random.next_u64() % 4000));
    } else {
      std::vector<TokenId> ids;
      if (!reader.append(text, 0, ids)) reader.keep(text, 0, std::vector<TokenId>(random.next_u64() % 100, 1));
    }
    memo.check_integrity();
  }
  EXPECT_GT(memo.bytes(), 0);
  EXPECT_LE(memo.bytes(), 20'000);
}

TEST(PromptMemo, APromptThatSeveralThreadsWantAtOnceIsPreparedByOne) {
  PromptMemo memo(1 << 20);
  std::atomic<int> prepared = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&memo, &prepared] {
      PromptMemo::Reader reader(memo, "t", "m");
      if (reader.find(prompt_of("the same")) != nullptr) return;
      ++prepared;
      std::this_thread::yield();
      reader.keep(prepared_of(3));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(prepared, 1);
}

TEST(PromptMemo, WhoFailsToPrepareLetsAnotherTry) {
  PromptMemo memo(1 << 20);
  for (int i = 0; i < 2; ++i) {
    PromptMemo::Reader reader(memo, "t", "m");
    EXPECT_EQ(reader.find(prompt_of("refused")), nullptr);
  }
}

}  // namespace
}  // namespace mnema
