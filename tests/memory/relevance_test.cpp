#include "memory/relevance.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

constexpr std::string_view kMiniLm = "all-minilm-l6-v2/mean/2";

TEST(Relevance, GrowsWithTheCosineAndWithTheWords) {
  EXPECT_LT(relevance_of({EntryKind::kEpisode, 0.1, 0.2}, kMiniLm),
            relevance_of({EntryKind::kEpisode, 0.5, 0.2}, kMiniLm));
  EXPECT_LE(relevance_of({EntryKind::kEpisode, 0.4, 0.1}, kMiniLm),
            relevance_of({EntryKind::kEpisode, 0.4, 0.9}, kMiniLm));
  EXPECT_LT(relevance_of({EntryKind::kEpisode, -1, 0}, kMiniLm), 0.05);
  EXPECT_GT(relevance_of({EntryKind::kEpisode, 0.9, 1}, kMiniLm), 0.95);
}

TEST(Relevance, GoesByTheWordsOfWhatHasNoVector) {
  EXPECT_EQ(relevance_of({EntryKind::kEpisode, std::nullopt, 0}, kMiniLm), 0);
  EXPECT_GT(relevance_of({EntryKind::kEpisode, std::nullopt, 1}, kMiniLm), kRelevanceCut);
  EXPECT_LT(relevance_of({EntryKind::kEpisode, std::nullopt, 0.4}, kMiniLm), kRelevanceCut);
}

// The second issue about a crash, asked before the first one has its vector.
TEST(Relevance, OfAnEntryWithoutAVectorIsNotLostToWordsThatNoEntryHas) {
  EXPECT_GT(relevance_of({EntryKind::kEpisode, std::nullopt, 0.4, 0.6}, kMiniLm), kRelevanceCut);
  EXPECT_EQ(relevance_of({EntryKind::kEpisode, 0.1, 0.4, 0.6}, kMiniLm),
            relevance_of({EntryKind::kEpisode, 0.1, 0.4}, kMiniLm));
}

TEST(Relevance, TakesAnUnknownEmbedderForTheUsualOne) {
  EXPECT_EQ(relevance_of({EntryKind::kEpisode, 0.5, 0.5}, "nobody/1"),
            relevance_of({EntryKind::kEpisode, 0.5, 0.5}, kMiniLm));
}

}  // namespace
}  // namespace mnema
