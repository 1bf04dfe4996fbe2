#include "memory/vector/candidate_list.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

TEST(CandidateList, KeepsTheNearestInOrderAndBreaksTiesByNode) {
  CandidateList list;
  list.reset(3);
  for (const auto& [distance, node] :
       std::vector<std::pair<float, std::uint32_t>>{{0.5F, 1}, {-0.25F, 2}, {0.5F, 0}, {0.75F, 4}, {0.0F, 5}}) {
    list.offer(distance, node);
  }
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list.at(0).node, 2U);
  EXPECT_EQ(list.at(0).distance, -0.25F);
  EXPECT_EQ(list.at(1).node, 5U);
  EXPECT_EQ(list.at(2).node, 0U);
}

TEST(CandidateList, VisitsTheNearestThatWasNotVisited) {
  CandidateList list;
  list.reset(4);
  list.offer(0.5F, 1);
  EXPECT_EQ(list.visit_next(), 1U);
  EXPECT_FALSE(list.visit_next().has_value());
  list.offer(0.75F, 2);
  list.offer(0.25F, 3);
  EXPECT_EQ(list.peek_next(), 3U);
  EXPECT_EQ(list.visit_next(), 3U);
  EXPECT_EQ(list.visit_next(), 2U) << "1 was visited";
  EXPECT_FALSE(list.visit_next().has_value());
}

TEST(CandidateList, IsWhatSortingAllWouldLeave) {
  SeededRandom random(1);
  CandidateList list;
  for (const std::size_t width : {1U, 7U, 64U}) {
    list.reset(width);
    std::vector<std::pair<float, std::uint32_t>> all;
    for (std::uint32_t node = 0; node < 500; ++node) {
      const auto distance = static_cast<float>(random.below(50)) / 25 - 1;
      all.emplace_back(distance, node);
      list.offer(distance, node);
      if (node % 5 == 0) (void)list.visit_next();
    }
    std::sort(all.begin(), all.end());
    ASSERT_EQ(list.size(), width);
    for (std::size_t i = 0; i < width; ++i) EXPECT_EQ(list.at(i).node, all[i].second);
  }
}

}  // namespace
}  // namespace mnema
