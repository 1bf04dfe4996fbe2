#include "inference/sampling/prompt_lookup.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

using Tokens = std::vector<TokenId>;

TEST(PromptLookup, DraftsWhatFollowedTheSameTokensBefore) {
  EXPECT_EQ(draft_from_prompt(Tokens{1, 2, 3, 4, 5, 9, 1, 2}, 3), (Tokens{3, 4, 5}));
  EXPECT_EQ(draft_from_prompt(Tokens{1, 2, 3, 4, 5, 9, 1, 2}, 0), Tokens{});
}

TEST(PromptLookup, TheLongestMatchWinsAndOfEqualOnesTheNewest) {
  EXPECT_EQ(draft_from_prompt(Tokens{7, 1, 2, 30, 8, 1, 2, 40, 7, 1, 2}, 1), Tokens{30});
  EXPECT_EQ(draft_from_prompt(Tokens{8, 1, 2, 30, 9, 1, 2, 40, 7, 1, 2}, 1), Tokens{40});
}

TEST(PromptLookup, SaysNothingWhereLessThanTwoTokensMatch) {
  EXPECT_EQ(draft_from_prompt(Tokens{}, 4), Tokens{});
  EXPECT_EQ(draft_from_prompt(Tokens{5}, 4), Tokens{});
  EXPECT_EQ(draft_from_prompt(Tokens{5, 5}, 4), Tokens{});
  EXPECT_EQ(draft_from_prompt(Tokens{1, 2, 3, 4, 2}, 4), Tokens{});
}

TEST(PromptLookup, ARepetitionIsRepeatedBeyondItsEnd) {
  EXPECT_EQ(draft_from_prompt(Tokens{9, 1, 2, 1, 2, 1, 2}, 5), (Tokens{1, 2, 1, 2, 1}));
  EXPECT_EQ(draft_from_prompt(Tokens(100, 7), 3), (Tokens{7, 7, 7}));
}

TEST(PromptLookup, DoesNotLookBackForEver) {
  Tokens tokens = {1, 2, 3};
  for (TokenId token = 100; token < 100'000; ++token) tokens.push_back(token);
  tokens.insert(tokens.end(), {1, 2});
  EXPECT_EQ(draft_from_prompt(tokens, 1), Tokens{});
}

}  // namespace
}  // namespace mnema
