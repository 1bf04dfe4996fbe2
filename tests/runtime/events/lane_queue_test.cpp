#include "runtime/events/lane_queue.hpp"

#include <gtest/gtest.h>

#include <vector>

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

Gather newest_of(int seconds, std::size_t rows_max) {
  return {Gather::Kind::kNewest, std::chrono::seconds(seconds), false, {}, rows_max, rows_max};
}

std::vector<LaneQueue::RowId> ids_of(const std::vector<LaneQueue::Row>& rows) {
  std::vector<LaneQueue::RowId> ids;
  for (const LaneQueue::Row& row : rows) ids.push_back(row.id);
  return ids;
}

using Ids = std::vector<LaneQueue::RowId>;

TEST(LaneQueue, DispatchesTheNewestOfAWindowAndSaysWhatItSupersedes) {
  const Gather gather = newest_of(5, 10);
  LaneQueue queue(kAgeing);
  for (int id = 1; id <= 3; ++id) queue.add("a", {id, 1, at(id), {}}, &gather);
  EXPECT_EQ(take(queue, 5), 0) << "the window is open";
  EXPECT_EQ(queue.next_at(), at(6)) << "since the first row";
  const auto taken = queue.take(at(6));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->row.id, 3);
  EXPECT_EQ(ids_of(taken->others), (Ids{1, 2}));
  EXPECT_EQ(queue.rows(), 1);
  queue.add("a", {4, 1, at(6), {}}, &gather);
  queue.check_integrity();
  EXPECT_TRUE(queue.put_back(3, at(8)));
  EXPECT_EQ(take(queue, 8), 3) << "what was dispatched before is dispatched alone again";
  EXPECT_TRUE(queue.finish(3));
  EXPECT_EQ(queue.next_at(), at(11)) << "the next window is the next row's";
  queue.check_integrity();
}

TEST(LaneQueue, EndsAWindowWhenThereAreEnoughRowsOrASlidingOneInAPause) {
  const Gather by_number = newest_of(100, 3);
  LaneQueue queue(kAgeing);
  for (int id = 1; id <= 3; ++id) queue.add("a", {id, 1, at(1), {}}, &by_number);
  EXPECT_EQ(take(queue, 1), 3);
  Gather sliding = newest_of(5, 0);
  sliding.sliding = true;
  sliding.wait_max = std::chrono::seconds(12);
  queue.add("b", {11, 1, at(1), {}}, &sliding);
  queue.add("b", {12, 1, at(5), {}}, &sliding);
  EXPECT_EQ(take(queue, 9), 0) << "five seconds since the last one";
  EXPECT_EQ(queue.next_at(), at(10));
  for (int id = 13; id <= 15; ++id) queue.add("b", {id, 1, at(id - 4), {}}, &sliding);
  EXPECT_EQ(queue.next_at(), at(13)) << "the first waits no longer than twelve";
  EXPECT_EQ(take(queue, 13), 15);
  queue.check_integrity();
}

TEST(LaneQueue, DispatchesABatchUpToItsSizeAndKeepsTheRest) {
  const Gather batch{Gather::Kind::kAll, std::chrono::seconds(5), false, {}, 3, 0};
  LaneQueue queue(kAgeing);
  for (int id = 1; id <= 5; ++id) queue.add("a", {id, 1, at(1), {}}, &batch);
  auto taken = queue.take(at(1));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->row.id, 1);
  EXPECT_EQ(ids_of(taken->others), (Ids{2, 3}));
  EXPECT_EQ(queue.rows(), 3) << "one out, two wait";
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(take(queue, 5), 0);
  taken = queue.take(at(6));
  ASSERT_TRUE(taken);
  EXPECT_EQ(ids_of(taken->others), (Ids{5}));
  queue.check_integrity();
}

TEST(LaneQueue, ThinsALaneThatKeepsItsNewestToTheFirstAndTheNewest) {
  const Gather gather = newest_of(50, 3);
  LaneQueue queue(kAgeing);
  queue.add("a", {1, 1, at(1), {}}, &gather);
  EXPECT_TRUE(queue.take(at(51)));
  for (int id = 2; id <= 4; ++id) queue.add("a", {id, 1, at(51 + id), {}}, &gather);
  EXPECT_TRUE(queue.thin("a").empty()) << "so many may wait";
  queue.add("a", {5, 1, at(56), {}}, &gather);
  EXPECT_EQ(queue.thin("a"), (Ids{3, 4}));
  queue.check_integrity();
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(queue.next_at(), at(103)) << "the first says since when they wait";
  EXPECT_EQ(take(queue, 103), 5);
}

TEST(LaneQueue, LetsThoseBehindARowThatIsSetAsideGoOn) {
  LaneQueue queue(kAgeing);
  for (int id = 1; id <= 3; ++id) queue.add("a", {id, 1, at(1), {}});
  EXPECT_EQ(take(queue, 1), 1);
  EXPECT_TRUE(queue.set_aside(1, at(9)));
  EXPECT_EQ(queue.rows(), 3);
  EXPECT_EQ(take(queue, 2), 2);
  EXPECT_EQ(take(queue, 9), 0) << "its key has one row out at a time all the same";
  EXPECT_TRUE(queue.finish(2));
  EXPECT_EQ(take(queue, 9), 1) << "its time has come, and it is the oldest";
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(take(queue, 9), 3);
  EXPECT_TRUE(queue.set_aside(3, at(20)));
  queue.check_integrity();
  EXPECT_TRUE(queue.wake(3));
  EXPECT_EQ(take(queue, 10), 3);
  EXPECT_TRUE(queue.set_aside(3, at(20)));
  EXPECT_TRUE(queue.remove("a", 3));
  EXPECT_EQ(queue.rows(), 0);
  queue.check_integrity();
}

TEST(LaneQueue, TakesOutARowWhereverItStandsUnlessItIsOut) {
  LaneQueue queue(kAgeing);
  for (int id = 1; id <= 4; ++id) queue.add("a", {id, 1, at(1), {}});
  EXPECT_TRUE(queue.remove("a", 3));
  EXPECT_FALSE(queue.remove("a", 3));
  EXPECT_FALSE(queue.remove("b", 1));
  EXPECT_TRUE(queue.remove("a", 1)) << "the head";
  EXPECT_EQ(take(queue, 1), 2);
  EXPECT_FALSE(queue.remove("a", 2)) << "it is out";
  EXPECT_TRUE(queue.remove("a", 4));
  EXPECT_EQ(queue.rows(), 1);
  queue.check_integrity();
}

TEST(LaneQueue, HoldsItsInvariantWhateverIsGatheredSetAsideAndTakenOut) {
  const Gather newest = newest_of(3, 4);
  const Gather batch{Gather::Kind::kAll, std::chrono::seconds(2), false, {}, 3, 0};
  const Gather* const ways[] = {nullptr, &newest, &batch};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    LaneQueue queue(kAgeing);
    std::vector<LaneQueue::RowId> out;
    int now = 1;
    for (int step = 0; step < 400; ++step) {
      const std::size_t way = random.below(3);
      const std::string lane = "lane" + std::to_string(way);
      switch (random.below(6)) {
        case 0:
        case 1:
          queue.add(lane, {step + 1, static_cast<int>(random.below(3)), at(now), {}}, ways[way]);
          static_cast<void>(queue.thin(lane));
          break;
        case 2:
          if (const auto taken = queue.take(at(now))) out.push_back(taken->row.id);
          break;
        case 3:
          if (out.empty()) break;
          switch (random.below(3)) {
            case 0:
              EXPECT_TRUE(queue.finish(out.back()));
              break;
            case 1:
              EXPECT_TRUE(queue.put_back(out.back(), at(now + 2)));
              break;
            default:
              EXPECT_TRUE(queue.set_aside(out.back(), at(now + 2)));
          }
          out.pop_back();
          break;
        case 4:
          queue.remove(lane, static_cast<LaneQueue::RowId>(random.below(static_cast<std::uint64_t>(step) + 1)));
          break;
        default:
          ++now;
      }
      queue.check_integrity();
    }
  }
}

}  // namespace
}  // namespace mnema
