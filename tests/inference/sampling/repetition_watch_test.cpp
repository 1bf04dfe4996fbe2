#include "inference/sampling/repetition_watch.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// How many tokens of `tokens` it takes until they are a loop; 0: they are none.
int tokens_until_loop(const std::vector<TokenId>& tokens, int tokens_max) {
  RepetitionWatch watch(tokens_max);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (watch.push(tokens[i])) return static_cast<int>(i) + 1;
  }
  return 0;
}

std::vector<TokenId> cycles(int length, int tokens) {
  std::vector<TokenId> made;
  for (int i = 0; i < tokens; ++i) made.push_back(100 + i % length);
  return made;
}

TEST(RepetitionWatch, EndsACycleAfterTheTokensItMayRepeat) {
  EXPECT_EQ(tokens_until_loop(cycles(1, 500), 96), 97);
  EXPECT_EQ(tokens_until_loop(cycles(7, 500), 96), 7 + 96);
  EXPECT_EQ(tokens_until_loop(cycles(40, 500), 96), 40 + 96);
}

TEST(RepetitionWatch, WantsALongCycleThreeTimes) {
  EXPECT_EQ(tokens_until_loop(cycles(80, 239), 96), 0);
  EXPECT_EQ(tokens_until_loop(cycles(80, 500), 96), 240);
  EXPECT_EQ(tokens_until_loop(cycles(97, 2000), 96), 0) << "longer than it looks back";
}

TEST(RepetitionWatch, LetsLinesPassThatDifferInTheirNumber) {
  std::vector<TokenId> table;
  for (int row = 0; row < 60; ++row) table.insert(table.end(), {1, 1000 + row, 2, 0, 2, 0, 2, 3});
  EXPECT_EQ(tokens_until_loop(table, 96), 0);
}

TEST(RepetitionWatch, StartsAnewAfterAReset) {
  RepetitionWatch watch(8);
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(watch.push(5));
  watch.reset();
  for (int i = 0; i < 8; ++i) EXPECT_FALSE(watch.push(5));
  EXPECT_TRUE(watch.push(5));
}

TEST(RepetitionWatch, NeverEndsAnythingAtZero) { EXPECT_EQ(tokens_until_loop(cycles(1, 500), 0), 0); }

}  // namespace
}  // namespace mnema
