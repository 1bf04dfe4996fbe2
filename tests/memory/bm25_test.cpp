#include "memory/bm25.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

using text_index_store::TextMatch;
using text_index_store::TextMatches;

const std::vector<bool> kAll{true, true, true};

TextMatches three() {
  TextMatches matches;
  matches.terms = {"ferri", "oslo", "zeppelin"};
  matches.entries = 100;
  matches.found = {{1, 4, {1, 0, 0}}, {2, 4, {1, 1, 0}}, {3, 12, {1, 0, 0}}, {4, 4, {3, 0, 0}}};
  return matches;
}

TEST(Bm25, WeighsRareTermsRepetitionsAndShortTexts) {
  const TextMatches matches = three();
  const Bm25 bm25(matches);
  const auto score = [&](std::size_t i) { return bm25.score(matches.found[i], kAll); };
  EXPECT_GT(score(1), score(0)) << "another term";
  EXPECT_GT(score(1) - score(0), score(0)) << "and a rarer one";
  EXPECT_GT(score(0), score(2)) << "in fewer words";
  EXPECT_GT(score(3), score(0));
  EXPECT_LT(score(3), 3 * score(0)) << "repetitions count less and less";
  EXPECT_EQ(bm25.rarest(matches.found[1], kAll), bm25.weight(1));
}

TEST(Bm25, CountsOnlyTheTermsThatItIsTold) {
  const TextMatches matches = three();
  const Bm25 bm25(matches);
  EXPECT_EQ(bm25.score(matches.found[0], {false, true, true}), 0);
  EXPECT_EQ(bm25.rarest(matches.found[1], {true, false, true}), bm25.weight(0));
}

TEST(Bm25, TakesATermThatNobodyHasForTheRarest) {
  const TextMatches matches = three();
  const Bm25 bm25(matches);
  EXPECT_GT(bm25.weight(2), bm25.weight(1));
  EXPECT_DOUBLE_EQ(bm25.all(kAll), bm25.weight(0) + bm25.weight(1)) << "it can be found nowhere";
  EXPECT_EQ(Bm25(TextMatches{}).all({}), 0);
}

}  // namespace
}  // namespace mnema
