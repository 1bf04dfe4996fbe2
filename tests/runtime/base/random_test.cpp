#include "runtime/base/random.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace mnema {
namespace {

TEST(Random, GivesTheSameNumbersForTheSameSeedOnEveryMachine) {
  SeededRandom random(1234567);  // the published numbers of SplitMix64 for this seed
  EXPECT_EQ(random.next_u64(), 6457827717110365317U);
  EXPECT_EQ(random.next_u64(), 3203168211198807973U);
  EXPECT_EQ(random.next_u64(), 9817491932198370423U);
}

TEST(Random, DrawsEvenlyBelowABound) {
  SeededRandom random(1);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
  double least = 1;
  double most = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double drawn = random.unit();
    least = std::min(least, drawn);
    most = std::max(most, drawn);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.01);
  EXPECT_LT(most, 1);
  EXPECT_GT(most, 0.99);
}

TEST(Random, DoesNotFavourSmallNumbersUnderAHugeBound) {
  SeededRandom random(1);
  const std::uint64_t bound = UINT64_MAX / 3 * 2;  // a plain remainder would hit the lower half twice as often
  int lower = 0;
  for (int i = 0; i < 10'000; ++i) lower += random.below(bound) < bound / 2 ? 1 : 0;
  EXPECT_NEAR(lower, 5'000, 250);
}

TEST(Random, FillsEveryByteAlsoWhereTheLengthIsOdd) {
  SeededRandom random(1);
  std::vector<std::uint8_t> seen(11);
  for (int i = 0; i < 20; ++i) {
    std::vector<std::uint8_t> bytes(11);
    random.fill(bytes);
    for (std::size_t k = 0; k < bytes.size(); ++k) seen[k] |= bytes[k];
  }
  for (const std::uint8_t byte : seen) EXPECT_NE(byte, 0);
}

TEST(Random, MakesVersion4UuidsThatDoNotRepeat) {
  SystemRandom random;
  std::set<std::string> all;
  for (int i = 0; i < 1'000; ++i) {
    const std::string uuid = random.uuid();
    ASSERT_EQ(uuid.size(), 36U);
    EXPECT_EQ(uuid[14], '4') << uuid;
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos) << uuid;
    EXPECT_EQ(uuid.find_first_not_of("0123456789abcdef-"), std::string::npos) << uuid;
    all.insert(uuid);
  }
  EXPECT_EQ(all.size(), 1'000U);
}

}  // namespace
}  // namespace mnema
