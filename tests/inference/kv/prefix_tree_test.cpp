#include "inference/kv/prefix_tree.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/base/random.hpp"

namespace mnema::kv {
namespace {

const PageFormat kFormat{"layout", "model"};

Salt salt_of(std::uint8_t value) {
  Salt salt;
  salt.bytes.fill(value);
  return salt;
}

const Owner kOwner{salt_of(1), salt_of(1)};

std::vector<TokenId> page_tokens(TokenId first) {
  std::vector<TokenId> ids(kPageTokens);
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

/// A pool and a tree over it, and the way a sequence uses them.
class Tree : public ::testing::Test {
 protected:
  ~Tree() override {
    pool.check_integrity();
    tree.check_integrity();
  }

  /// Computes a page, shares it and lets it go. Its key.
  PageKey add(const PageKey& parent, TokenId first, std::uint8_t salt = 1, std::uint8_t tenant = 1) {
    const std::vector<TokenId> tokens = page_tokens(first);
    const PageKey key = page_key(kFormat, salt_of(salt), parent, tokens);
    const PageId page = pool.allocate();
    EXPECT_NE(page, kNoPage);
    EXPECT_TRUE(tree.insert(key, parent, {salt_of(salt), salt_of(tenant)}, tokens, page));
    pool.release(page);
    return key;
  }
  bool has(const PageKey& key, TokenId first) {
    const PageId page = tree.take(key, page_tokens(first));
    if (page == kNoPage) return false;
    pool.release(page);
    return true;
  }

  Pool pool{8};
  PrefixTree tree{pool};
};

TEST_F(Tree, GivesAPageToWhoeverBeginsTheSameWay) {
  const PageKey first = add({}, 0), second = add(first, 32);
  EXPECT_EQ(tree.pages(), 2);
  EXPECT_EQ(tree.idle_pages(), 2);
  const PageId page = tree.take(second, page_tokens(32));
  ASSERT_NE(page, kNoPage);
  EXPECT_EQ(pool.holders(page), 2);
  EXPECT_EQ(tree.idle_pages(), 1);
  pool.release(page);
}

TEST_F(Tree, GivesNothingForOtherTokensUnderTheSameKey) {
  const PageKey key = add({}, 0);
  EXPECT_FALSE(has(key, 1));
  EXPECT_FALSE(has(PageKey{}, 0));
}

TEST_F(Tree, KeepsTheFirstOfTwoEqualPagesAndTakesNoOrphan) {
  const PageKey key = add({}, 0);
  const PageId again = pool.allocate();
  EXPECT_FALSE(tree.insert(key, {}, kOwner, page_tokens(0), again));
  PageKey unknown;
  unknown.digest.fill(9);
  EXPECT_FALSE(
      tree.insert(page_key(kFormat, salt_of(1), unknown, page_tokens(0)), unknown, kOwner, page_tokens(0), again));
  EXPECT_EQ(pool.holders(again), 1);
  pool.release(again);
}

TEST_F(Tree, EvictsTheLongestUnusedAndEndsBeforeBeginnings) {
  const PageKey a = add({}, 0), a2 = add(a, 32), b = add({}, 1000);
  EXPECT_TRUE(has(a2, 32));  // a and a2 are younger than b now
  EXPECT_EQ(tree.evict(pool.free() + 1), 1);
  EXPECT_FALSE(has(b, 1000));
  EXPECT_EQ(tree.evict(pool.free() + 1), 1);
  EXPECT_TRUE(has(a, 0));
  EXPECT_FALSE(has(a2, 32));
}

TEST_F(Tree, EvictsNoMoreThanWasAskedForAndNothingThatIsInUse) {
  const PageKey a = add({}, 0);
  (void)add(a, 32);
  const PageKey b = add({}, 1000);
  const PageId held = tree.take(b, page_tokens(1000));
  EXPECT_EQ(tree.evict(pool.free()), 0);
  EXPECT_EQ(tree.evict(pool.total()), 2);
  EXPECT_EQ(tree.pages(), 1);
  EXPECT_EQ(pool.free(), pool.total() - 1);
  pool.release(held);
}

TEST_F(Tree, KeepsTheBeginningOfAChainWhoseEndIsInUse) {
  const PageKey a = add({}, 0), a2 = add(a, 32);
  const PageId held = tree.take(a2, page_tokens(32));
  EXPECT_EQ(tree.evict(pool.total()), 0);
  EXPECT_TRUE(has(a, 0));
  pool.release(held);
}

TEST_F(Tree, ForgetsWhatBelongsToOneSaltAndNothingElse) {
  const PageKey everybody = add({}, 0, 1);
  const PageKey ann = add(everybody, 32, 2), ann2 = add(ann, 64, 2), bob = add(everybody, 200, 3);
  tree.erase(salt_of(2));
  EXPECT_FALSE(has(ann, 32));
  EXPECT_FALSE(has(ann2, 64));
  EXPECT_TRUE(has(bob, 200));
  EXPECT_TRUE(has(everybody, 0));
  EXPECT_EQ(pool.free(), pool.total() - 2);
}

TEST_F(Tree, ForgetsAnOwnersPagesWithTheStricterOnesThatHangOnThem) {
  const PageKey tenant = add({}, 0, 2), user = add(tenant, 32, 3);
  tree.erase(salt_of(2));
  EXPECT_FALSE(has(tenant, 0));
  EXPECT_FALSE(has(user, 32));
  EXPECT_EQ(tree.pages(), 0);
}

TEST_F(Tree, ForgetsATenantsUsersWhateverTheirPagesHangOn) {
  const PageKey everybody = add({}, 0, 1, 1);
  const PageKey ann = add(everybody, 32, 2, 9), bob = add({}, 64, 3, 9), stranger = add(everybody, 96, 4, 8);
  tree.erase(salt_of(9));
  EXPECT_FALSE(has(ann, 32));
  EXPECT_FALSE(has(bob, 64));
  EXPECT_TRUE(has(stranger, 96));
  EXPECT_TRUE(has(everybody, 0));
}

TEST_F(Tree, LeavesAnErasedPageToTheSequenceThatReadsIt) {
  const PageKey key = add({}, 0, 2);
  const PageId held = tree.take(key, page_tokens(0));
  tree.erase(salt_of(2));
  EXPECT_EQ(tree.pages(), 0);
  EXPECT_EQ(pool.holders(held), 1);
  pool.release(held);
}

TEST_F(Tree, KeepsItsInvariantWhateverIsAskedOfIt) {
  SeededRandom random(3);
  std::vector<std::pair<PageKey, TokenId>> known{{PageKey{}, 0}};
  for (int step = 0; step < 2000; ++step) {
    const auto [parent, unused] = known[random.below(known.size())];
    const auto first = static_cast<TokenId>(random.below(6) * 32);
    const std::uint8_t salt = static_cast<std::uint8_t>(1 + random.below(3));
    switch (random.below(4)) {
      case 0: {
        if (pool.free() == 0) break;
        const std::vector<TokenId> tokens = page_tokens(first);
        const PageKey key = page_key(kFormat, salt_of(salt), parent, tokens);
        const PageId page = pool.allocate();
        if (tree.insert(key, parent, {salt_of(salt), salt_of(9)}, tokens, page)) known.emplace_back(key, first);
        pool.release(page);
        break;
      }
      case 1:
        (void)has(known[random.below(known.size())].first, first);
        break;
      case 2:
        tree.evict(static_cast<int>(random.below(4)));
        break;
      default:
        if (random.below(20) == 0) tree.erase(salt_of(random.below(5) == 0 ? 9 : salt));
    }
    tree.check_integrity();
    pool.check_integrity();
    ASSERT_EQ(pool.free() + tree.pages(), pool.total());
  }
}

}  // namespace
}  // namespace mnema::kv
