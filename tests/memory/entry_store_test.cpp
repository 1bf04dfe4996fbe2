#include "memory/entry_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;

EntryId add(Rows& rows, const Scope& scope, Time time) {
  return rows
      .write<EntryId>([&](Transaction& transaction) -> Result<EntryId> {
        entry_store::NewEntry entry;
        ASSIGN_OR_RETURN(entry.where, scope_store::intern(transaction, scope));
        entry.time = time;
        entry.text = "something happened";
        return entry_store::add(transaction, entry);
      })
      .value();
}

std::vector<EntryId> between(Rows& rows, const Scope& asker, Time from, Time to, int count_max = 10) {
  RecallQuery query;
  query.from = from;
  query.to = to;
  return rows
      .read<std::vector<EntryId>>([&](Transaction& transaction) -> Result<std::vector<EntryId>> {
        ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
        return entry_store::newest(transaction, EntryFilter(visible, query), count_max);
      })
      .value();
}

Time day(int number) { return from_micros(number * 86'400'000'000LL); }

TEST(Entries, AreFoundByTheirTimeNewestFirstBothEndsIncluded) {
  Rows rows;
  const Scope acme{"acme", "", "", ""};
  std::vector<EntryId> ids;
  for (const int number : {3, 1, 2, 4}) ids.push_back(add(rows, acme, day(number)));
  EXPECT_EQ(between(rows, acme, day(2), day(3)), (std::vector<EntryId>{ids[0], ids[2]}));
  EXPECT_EQ(between(rows, acme, Time::min(), Time::max(), 1), std::vector<EntryId>{ids[3]});
}

TEST(Entries, AreFoundByTheirTimeOnlyByWhoMaySeeThem) {
  Rows rows;
  add(rows, {"acme", "", "ann", ""}, day(1));
  add(rows, {"other", "", "", ""}, day(1));
  EXPECT_TRUE(between(rows, {"acme", "", "bob", ""}, day(0), day(2)).empty());
  EXPECT_EQ(between(rows, {"acme", "", "ann", ""}, day(0), day(2)).size(), 1U);
}

TEST(Entries, NeverComeBackUnderAnOldNumber) {
  Rows rows;
  const Scope acme{"acme", "", "", ""};
  const EntryId first = add(rows, acme, day(1));
  const auto removed = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(const ScopeKey key, scope_store::intern(transaction, acme));
    RETURN_IF_ERROR(entry_store::remove(transaction, key.tenant, first, 1).ok() ? Status() : Status(Error{}));
    return 0;
  });
  ASSERT_TRUE(removed.ok());
  const auto gone = rows.read<bool>([&](Transaction& transaction) -> Result<bool> {
    ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, acme));
    ASSIGN_OR_RETURN(const auto loaded, entry_store::load(transaction, {first}, EntryFilter(visible, {})));
    return loaded.empty();
  });
  EXPECT_TRUE(gone.value());
  EXPECT_GT(add(rows, acme, day(1)), first);
}

}  // namespace
}  // namespace mnema
