#include "runtime/events/event_feed.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of_tenant;

TEST(EventFeed, KeepsTheLastEntriesWhileSomebodyReads) {
  Simulation simulation(1);
  const Limits limits = Limits::tiny();
  EventFeed feed(simulation.clock(), limits);
  feed.note("accepted", event_of_tenant("a", "unseen"), 1);
  EXPECT_EQ(feed.read(-1, 10, "").last, 0) << "nobody was watching";
  feed.note("accepted", event_of_tenant("a", "x"), 2);
  feed.note("accepted", event_of_tenant("b", "y"), 3);
  feed.note("done", event_of_tenant("a", "x"), 2);
  const EventFeed::Page all = feed.read(0, 10, "");
  ASSERT_EQ(all.entries.size(), 3U);
  EXPECT_EQ(all.entries[2].what, "done");
  EXPECT_EQ(all.last, 3);
  EXPECT_FALSE(all.has_gap);
  EXPECT_EQ(feed.read(0, 10, "b").entries.size(), 1U) << "of its tenant only";
  const EventFeed::Page first = feed.read(0, 2, "");
  EXPECT_EQ(first.entries.size(), 2U);
  EXPECT_EQ(first.last, 2) << "to read on from";
  for (int i = 0; i < limits.event_feed_entries_max; ++i) feed.note("accepted", event_of_tenant("a", "z"), 4 + i);
  EXPECT_TRUE(feed.read(1, 100, "").has_gap);
  EXPECT_EQ(feed.read(1, 100, "").entries.size(), static_cast<std::size_t>(limits.event_feed_entries_max));
  simulation.run_for(std::chrono::minutes(1));
  feed.note("accepted", event_of_tenant("a", "late"), 99);
  EXPECT_EQ(feed.read(0, 100, "").entries.back().id, "z") << "nobody watched any more";
}

}  // namespace
}  // namespace mnema
