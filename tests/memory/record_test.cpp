#include "memory/record.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(Provenance, CitesAChunkByItsFileHeadingsAndLines) {
  Provenance source;
  source.kind = EntryKind::kChunk;
  source.uri = "handbook/travel/EXPENSES.md";
  source.heading_path = "Expenses › Trains";
  source.range = {0, 10, 12, 41};
  EXPECT_EQ(source.citation(), "EXPENSES.md › Expenses › Trains, lines 12–40");
  source.heading_path.clear();
  source.range = {0, 10, 12, 13};
  EXPECT_EQ(source.citation(), "EXPENSES.md, line 12");
}

TEST(Provenance, CitesAnEpisodeByItsConversationSpeakerAndDay) {
  Provenance source;
  source.thread = "42";
  source.role = "user";
  source.time = from_micros(1'683'504'000'000'000);
  EXPECT_EQ(source.citation(), "conversation 42, user, 2023-05-08");
  source.role.clear();
  EXPECT_EQ(source.citation(), "conversation 42, 2023-05-08");
}

TEST(Citation, StaysInItsLineAndSaysWhatIsStale) {
  Provenance source;
  source.kind = EntryKind::kChunk;
  source.uri = "docs/two\nlines.md";
  source.heading_path = "A\tB";
  source.range = {0, 10, 4, 5};
  source.stale = "the file cannot be read today";
  EXPECT_EQ(source.citation(), "two\\nlines.md › A\\tB, line 4 (stale: the file cannot be read today)");
  source.range = {0, 0, 0, 0};
  source.stale.clear();
  EXPECT_EQ(source.citation(), "two\\nlines.md › A\\tB") << "no place to tell";
}

}  // namespace
}  // namespace mnema
