#include "runtime/events/tenant_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

constexpr Duration kAgeing = std::chrono::seconds(10);

Time at(int seconds) { return from_micros(seconds * 1'000'000LL); }

TenantQueue::RowId take(TenantQueue& queue, int seconds = 1) {
  const auto taken = queue.take(at(seconds));
  return taken ? taken->row.id : 0;
}

TEST(TenantQueue, DelaysNoTenantByMoreThanARoundHoweverLongTheBurstOfAnotherIs) {
  TenantQueue queue(kAgeing, 100);
  for (int id = 1; id <= 20'000; ++id) queue.add("loud", std::to_string(id), {id, 0, at(1), {}});
  for (int id = 1; id <= 50; ++id) EXPECT_EQ(take(queue), id);
  queue.add("quiet", "k", {20'001, 2, at(2), {}});
  queue.add("quiet too", "k", {20'002, 2, at(2), {}});
  EXPECT_EQ(take(queue), 51);
  EXPECT_EQ(take(queue), 20'001) << "its priority is the least, but it has its turn";
  EXPECT_EQ(take(queue), 20'002);
  EXPECT_EQ(take(queue), 52);
  queue.check_integrity();
}

TEST(TenantQueue, LetsATenantHaveSoManyRowsOutAndNoMore) {
  TenantQueue queue(kAgeing, 2);
  for (int id = 1; id <= 4; ++id) queue.add("a", std::to_string(id), {id, 1, at(1), {}});
  queue.add("b", "k", {5, 1, at(1), {}});
  EXPECT_EQ(take(queue), 1);
  EXPECT_EQ(take(queue), 5);
  EXPECT_EQ(take(queue), 2);
  EXPECT_EQ(take(queue), 0);
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(take(queue), 3);
  EXPECT_TRUE(queue.requeue(2, at(9)));
  EXPECT_EQ(take(queue), 4) << "what waits is not out";
  queue.check_integrity();
}

TEST(TenantQueue, WaitsForNoTimeOfATenantThatMayHaveNothingMoreOut) {
  TenantQueue queue(kAgeing, 1);
  queue.add("a", "x", {1, 1, at(1), {}});
  queue.add("a", "y", {2, 1, at(1), at(5)});
  EXPECT_EQ(queue.next_at(), at(5));
  EXPECT_EQ(take(queue), 1);
  EXPECT_EQ(queue.next_at(), std::nullopt) << "a timer for it would only spin";
  EXPECT_TRUE(queue.finish(1));
  EXPECT_EQ(queue.next_at(), at(5));
  EXPECT_EQ(take(queue, 5), 2);
}

TEST(TenantQueue, KeepsTheLanesOfTenantsApart) {
  TenantQueue queue(kAgeing, 10);
  queue.add("a", "k", {1, 1, at(1), {}});
  queue.add("b", "k", {2, 1, at(1), {}});
  EXPECT_EQ(take(queue), 1);
  EXPECT_EQ(take(queue), 2) << "the same name, another lane";
  EXPECT_EQ(queue.rows_of("a"), 1);
  EXPECT_EQ(queue.rows_in("b", "k"), 1);
  EXPECT_EQ(queue.rows_in("c", "k"), 0);
  EXPECT_NE(lane_name("a", "bc"), lane_name("ab", "c"));
}

TEST(TenantQueue, WakesARowThatWaitsAndNoOther) {
  TenantQueue queue(kAgeing, 10);
  queue.add("a", "k", {1, 1, at(1), LaneQueue::kUntilWoken});
  queue.add("a", "k", {2, 1, at(1), {}});
  EXPECT_EQ(take(queue, 1'000), 0);
  EXPECT_FALSE(queue.wake(2));
  EXPECT_TRUE(queue.wake(1));
  EXPECT_EQ(take(queue), 1);
  EXPECT_TRUE(queue.is_out(1));
  EXPECT_FALSE(queue.wake(1)) << "it is out";
}

/// The same by looking at every tenant each time.
class SlowRound {
 public:
  explicit SlowRound(int out_max) : out_max_(out_max) {}
  struct Tenant {
    std::string name;
    LaneQueue queue{kAgeing};
  };
  LaneQueue& of(const std::string& name) {
    for (const auto& tenant : all) {
      if (tenant->name == name) return tenant->queue;
    }
    return all.emplace_back(std::make_unique<Tenant>(Tenant{name}))->queue;
  }
  bool is_eligible(LaneQueue& queue) const { return queue.has_ready() && queue.out() < out_max_; }
  /// Who becomes eligible stands at the end of the round; who is not any more leaves it.
  void update() {
    std::erase_if(round, [&](const std::string& name) { return !is_eligible(of(name)); });
    for (const auto& tenant : all) {
      if (is_eligible(tenant->queue) && std::count(round.begin(), round.end(), tenant->name) == 0) {
        round.push_back(tenant->name);
      }
    }
  }
  LaneQueue::RowId take(Time now) {
    std::vector<std::pair<Time, Tenant*>> due;
    for (const auto& tenant : all) {
      const auto next = tenant->queue.next_at();
      if (next && *next <= now && tenant->queue.out() < out_max_) due.emplace_back(*next, tenant.get());
    }
    std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [time, tenant] : due) {
      tenant->queue.wake_due(now);
      update();
    }
    if (round.empty()) return 0;
    const std::string name = round.front();
    round.pop_front();
    round.push_back(name);
    const LaneQueue::RowId id = of(name).take(now)->row.id;
    update();
    return id;
  }
  std::vector<std::unique_ptr<Tenant>> all;
  std::deque<std::string> round;

 private:
  const int out_max_;
};

/// No two rows are due at the same time: who goes first then is not said.
Time due_of(TenantQueue::RowId id, int second) { return at(second) + Duration(id); }

TEST(TenantQueue, AgreesWithLookingAtEveryTenant) {
  SeededRandom random(7);
  TenantQueue queue(kAgeing, 3);
  SlowRound slow(3);
  std::vector<std::pair<TenantQueue::RowId, std::string>> out;
  std::unordered_map<TenantQueue::RowId, std::string> owner;
  TenantQueue::RowId next = 1;
  for (int second = 1; second < 6'000; ++second) {
    const std::uint64_t what = random.below(6);
    if (what < 2) {
      const std::string tenant(1, static_cast<char>('a' + random.below(4)));
      const std::string lane(1, static_cast<char>('a' + random.below(4)));
      const bool waits = random.below(4) == 0;
      TenantQueue::Row row{next++, static_cast<int>(random.below(3)), at(second), {}};
      if (waits) row.not_before = due_of(row.id, second + static_cast<int>(random.below(20)));
      owner[row.id] = tenant;
      queue.add(tenant, lane, row);
      slow.of(tenant).add(lane, row);
    } else if (what < 4) {
      const TenantQueue::RowId taken = take(queue, second);
      ASSERT_EQ(taken, slow.take(at(second))) << "second " << second;
      if (taken != 0) out.emplace_back(taken, owner[taken]);
    } else if (!out.empty()) {
      const std::size_t which = random.below(out.size());
      const auto [id, tenant] = out[which];
      if (random.below(3) == 0) {
        const Time again = due_of(id, second + static_cast<int>(random.below(20)));
        EXPECT_TRUE(queue.requeue(id, again));
        EXPECT_TRUE(slow.of(tenant).put_back(id, again));
      } else {
        EXPECT_TRUE(queue.finish(id));
        EXPECT_TRUE(slow.of(tenant).finish(id));
      }
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(which));
    }
    slow.update();
    queue.check_integrity();
  }
  EXPECT_GT(next, 1'500);
}

}  // namespace
}  // namespace mnema
