#include "runtime/events/lane_queue.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

constexpr Duration kAgeing = std::chrono::seconds(10);

Time at(int seconds) { return from_micros(seconds * 1'000'000LL); }

LaneQueue::RowId take(LaneQueue& queue, int seconds) {
  const auto taken = queue.take(at(seconds));
  return taken ? taken->row.id : 0;
}

TEST(LaneQueue, GivesOneRowOfALaneAtATime) {
  LaneQueue queue(kAgeing);
  queue.add("a", {1, 1, at(1), {}});
  queue.add("a", {2, 1, at(1), {}});
  queue.add("b", {3, 1, at(2), {}});
  EXPECT_EQ(take(queue, 5), 1);
  EXPECT_EQ(take(queue, 5), 3);
  EXPECT_EQ(take(queue, 5), 0);
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(take(queue, 5), 2);
  EXPECT_FALSE(queue.finish(1)) << "it is gone";
  queue.check_integrity();
}

TEST(LaneQueue, HoldsALaneForAHeadThatMayNotBeTakenYet) {
  LaneQueue queue(kAgeing);
  queue.add("a", {1, 1, at(1), at(9)});
  queue.add("a", {2, 1, at(1), {}});
  EXPECT_EQ(take(queue, 8), 0);
  EXPECT_EQ(queue.next_at(), at(9));
  EXPECT_EQ(take(queue, 9), 1);
  EXPECT_TRUE(queue.put_back(1, LaneQueue::kUntilWoken));
  EXPECT_EQ(queue.next_at(), std::nullopt) << "no time will wake it";
  EXPECT_EQ(take(queue, 1'000'000), 0);
  EXPECT_TRUE(queue.wake(1));
  EXPECT_EQ(take(queue, 10), 1);
}

TEST(LaneQueue, WakesARowThatStandsBehindAnother) {
  LaneQueue queue(kAgeing);
  queue.add("a", {1, 1, at(1), {}});
  queue.add("a", {2, 1, at(1), LaneQueue::kUntilWoken});
  EXPECT_EQ(take(queue, 1), 1);
  EXPECT_TRUE(queue.wake(2));
  EXPECT_FALSE(queue.wake(2)) << "it does not wait any more";
  EXPECT_FALSE(queue.wake(1)) << "it is out";
  EXPECT_FALSE(queue.wake(3)) << "there is none";
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(take(queue, 1), 2);
}

TEST(LaneQueue, LiftsAWholeLaneForItsMostUrgentRow) {
  LaneQueue queue(kAgeing);
  queue.add("slow", {1, 2, at(1), {}});
  queue.add("other", {2, 1, at(1), {}});
  queue.add("slow", {3, 0, at(1), {}});
  EXPECT_EQ(take(queue, 1), 1) << "so that 3 is not stuck behind it";
}

TEST(LaneQueue, LetsLongWaitingMakeUpForPriority) {
  LaneQueue queue(kAgeing);
  queue.add("patient", {1, 2, at(0), {}});
  queue.add("urgent", {2, 0, at(19), {}});
  EXPECT_EQ(take(queue, 19), 2) << "one second short of two steps";
  queue.add("urgent too", {3, 0, at(21), {}});
  EXPECT_EQ(take(queue, 21), 1);
}

TEST(LaneQueue, PutsAnEarlierRowBeforeTheOthersButNeverBeforeOneThatIsOut) {
  LaneQueue queue(kAgeing);
  queue.add("a", {5, 1, at(1), {}});
  EXPECT_EQ(take(queue, 1), 5);
  queue.add("a", {3, 1, at(1), {}});  // as a dead event that is revived
  EXPECT_TRUE(queue.put_back(5, at(9)));
  queue.check_integrity();
  queue.add("a", {7, 1, at(1), {}});
  queue.add("a", {4, 1, at(1), {}});
  queue.check_integrity();
  EXPECT_EQ(take(queue, 9), 5);
  EXPECT_TRUE(queue.finish(5));
  EXPECT_EQ(take(queue, 1), 3);
  queue.check_integrity();
}

/// The same by looking at everything each time.
class SlowQueue {
 public:
  struct Lane {
    std::vector<LaneQueue::Row> rows;
    bool out = false;
  };
  void add(const std::string& lane, const LaneQueue::Row& row) {
    Lane& to = lanes[lane];
    auto place = to.rows.begin() + (to.out ? 1 : 0);
    while (place != to.rows.end() && place->id < row.id) ++place;
    to.rows.insert(place, row);
  }
  LaneQueue::RowId take(Time now) {
    std::optional<std::pair<Time, LaneQueue::RowId>> best;
    Lane* from = nullptr;
    for (auto& [name, lane] : lanes) {
      if (lane.rows.empty() || lane.out || lane.rows[0].not_before > now) continue;
      int priority = LaneQueue::kPriorities;
      for (const auto& row : lane.rows) priority = std::min(priority, row.priority);
      const std::pair rank(lane.rows[0].since + priority * kAgeing, lane.rows[0].id);
      if (!best || rank < *best) best = rank, from = &lane;
    }
    if (!from) return 0;
    from->out = true;
    return from->rows[0].id;
  }
  void end(LaneQueue::RowId id, std::optional<Time> again_at) {
    for (auto& [name, lane] : lanes) {
      if (lane.rows.empty() || lane.rows[0].id != id) continue;
      lane.out = false;
      if (again_at)
        lane.rows[0].not_before = *again_at;
      else
        lane.rows.erase(lane.rows.begin());
    }
  }
  std::map<std::string, Lane> lanes;
};

TEST(LaneQueue, AgreesWithLookingAtEverything) {
  SeededRandom random(5);
  LaneQueue queue(kAgeing);
  SlowQueue slow;
  std::vector<LaneQueue::RowId> out;
  LaneQueue::RowId next = 1;
  for (int second = 1; second < 4'000; ++second) {
    const std::uint64_t what = random.below(5);
    if (what < 2) {
      const std::string lane(1, static_cast<char>('a' + random.below(6)));
      const LaneQueue::Row row{next++, static_cast<int>(random.below(3)), at(second),
                               random.below(4) == 0 ? at(second + static_cast<int>(random.below(20))) : Time{}};
      queue.add(lane, row);
      slow.add(lane, row);
    } else if (what < 4) {
      const LaneQueue::RowId taken = take(queue, second);
      ASSERT_EQ(taken, slow.take(at(second))) << "second " << second;
      if (taken != 0) out.push_back(taken);
    } else if (!out.empty()) {
      const std::size_t which = random.below(out.size());
      std::optional<Time> again;
      if (random.below(3) == 0) again = at(second + static_cast<int>(random.below(20)));
      slow.end(out[which], again);
      EXPECT_TRUE(again ? queue.put_back(out[which], *again) : queue.finish(out[which]));
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
    }
    queue.check_integrity();
  }
  EXPECT_GT(next, 1'000);
}

}  // namespace
}  // namespace mnema
