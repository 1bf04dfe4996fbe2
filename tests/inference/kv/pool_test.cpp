#include "inference/kv/pool.hpp"

#include <gtest/gtest.h>

#include <set>

#include "runtime/base/random.hpp"

namespace mnema::kv {
namespace {

TEST(Pool, GivesEachPageOnceAndThenNone) {
  Pool pool(5);
  std::set<PageId> given;
  for (int i = 0; i < 5; ++i) given.insert(pool.allocate());
  EXPECT_EQ(given, (std::set<PageId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.allocate(), kNoPage);
  EXPECT_EQ(pool.free(), 0);
}

TEST(Pool, TakesAPageBackWithItsLastHolderOnly) {
  Pool pool(2);
  const PageId page = pool.allocate();
  pool.hold(page);
  pool.release(page);
  EXPECT_EQ(pool.free(), 1);
  EXPECT_EQ(pool.holders(page), 1);
  pool.release(page);
  EXPECT_EQ(pool.free(), 2);
  EXPECT_EQ(pool.allocate(), page) << "the page freed last is taken first";
}

TEST(Pool, KeepsItsInvariantWhateverIsAskedOfIt) {
  Pool pool(16);
  SeededRandom random(5);
  std::vector<PageId> held;  // once for each holder
  for (int step = 0; step < 5000; ++step) {
    const std::uint64_t what = random.below(3);
    if (what == 0) {
      if (const PageId page = pool.allocate(); page != kNoPage) held.push_back(page);
    } else if (!held.empty()) {
      const std::size_t at = random.below(held.size());
      if (what == 1) {
        pool.hold(held[at]);
        held.push_back(held[at]);
      } else {
        pool.release(held[at]);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    pool.check_integrity();
    ASSERT_EQ(pool.free(), 16 - static_cast<int>(std::set<PageId>(held.begin(), held.end()).size()));
  }
}

TEST(Pool, IsRepairedFromCountsThatAWalkFound) {
  Pool pool(4);
  for (int i = 0; i < 4; ++i) (void)pool.allocate();
  pool.restore({0, 2, 0, 1});
  pool.check_integrity();
  EXPECT_EQ(pool.free(), 2);
  EXPECT_EQ(pool.holders(1), 2);
  EXPECT_EQ(pool.allocate(), 0);
}

TEST(PoolDeathTest, StopsWhenAPageIsLetGoTwice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Pool pool(1);
  const PageId page = pool.allocate();
  pool.release(page);
  EXPECT_DEATH(pool.release(page), "only a held page can be let go");
  EXPECT_DEATH(pool.hold(7), "names a page of this pool");
}

}  // namespace
}  // namespace mnema::kv
