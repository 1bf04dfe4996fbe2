#include "memory/text_index_store.hpp"

#include <gtest/gtest.h>

#include "memory/entry_store.hpp"
#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;
using Entries = std::vector<EntryId>;

EntryId add(Rows& rows, const Scope& scope, const std::string& text) {
  const ScopeKey where = rows.prepare(scope);
  return rows
      .write<EntryId>([&](Transaction& transaction) -> Result<EntryId> {
        entry_store::NewEntry entry;
        entry.where = where;
        entry.text = text;
        entry.words = rows.terms.joined(text);
        return entry_store::add(transaction, entry);
      })
      .value();
}

Result<std::vector<text_index_store::TextMatch>> matches(Rows& rows, const Scope& asker, const std::string& words) {
  return rows.read<std::vector<text_index_store::TextMatch>>(
      [&](Transaction& transaction) -> Result<std::vector<text_index_store::TextMatch>> {
        ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
        return text_index_store::search(transaction, EntryFilter(visible, {}), rows.terms.distinct(words, 64), 10);
      });
}

Entries found(Rows& rows, const Scope& asker, const std::string& words) {
  Entries entries;
  const auto best = matches(rows, asker, words);
  for (const auto& match : best.value()) entries.push_back(match.entry);
  return entries;
}

Status integrity(Rows& rows) {
  const auto checked = rows.read<int>([](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(text_index_store::check_integrity(transaction));
    return 0;
  });
  return checked.ok() ? Status() : Status(checked.error());
}

const Scope kAcme{"acme", "", "", ""};

TEST(TextIndex, FindsTheBestMatchFirst) {
  Rows rows;
  const EntryId both = add(rows, kAcme, "the ferry to Oslo leaves at noon");
  const EntryId one = add(rows, kAcme, "a ferry is a boat, and boats float");
  add(rows, kAcme, "trains never float");
  EXPECT_EQ(found(rows, kAcme, "which ferry goes to oslo"), (Entries{both, one}));
  EXPECT_TRUE(found(rows, kAcme, "zeppelin").empty());
  EXPECT_TRUE(found(rows, kAcme, "the of and").empty()) << "words that say nothing ask nothing";
}

TEST(TextIndex, ShowsNobodyTheWordsOfAnother) {
  Rows rows;
  add(rows, {"acme", "", "ann", ""}, "the password is swordfish");
  add(rows, {"other", "", "", ""}, "the password is herring");
  EXPECT_TRUE(found(rows, kAcme, "password").empty());
  EXPECT_TRUE(found(rows, {"acme", "", "bob", ""}, "password").empty());
  EXPECT_EQ(found(rows, {"acme", "", "ann", ""}, "password").size(), 1U);
  EXPECT_EQ(found(rows, {"other", "", "bob", ""}, "password").size(), 1U);
}

// BM25 weighs a word by how rare it is: what another tenant writes must not change that.
TEST(TextIndex, ScoresByTheTenantsOwnWordsAlone) {
  Rows rows;
  add(rows, kAcme, "a rare word: quokka");
  add(rows, kAcme, "something else entirely");
  const double before = matches(rows, kAcme, "quokka").value()[0].score;
  for (int i = 0; i < 50; ++i) add(rows, {"other", "", "", ""}, "quokka quokka quokka");
  EXPECT_EQ(matches(rows, kAcme, "quokka").value()[0].score, before);
}

TEST(TextIndex, TakesWhateverPeopleTypeAsAQuestion) {
  Rows rows;
  const EntryId entry = add(rows, kAcme, "budget report");
  for (const char* question :
       {"budget\" OR terms:*", "budget AND", "NEAR(budget", "(budget", "budget*", "^budget", "-budget",
        "terms : budget", "{budget}", "budget'; DROP TABLE memory_entries; --", "budget \xff\xfe", "+budget NOT"}) {
    const auto answer = matches(rows, kAcme, question);
    ASSERT_TRUE(answer.ok()) << question << ": " << answer.error().text();
    EXPECT_EQ(found(rows, kAcme, question), Entries{entry}) << question;
  }
}

TEST(TextIndex, ForgetsARemovedEntry) {
  Rows rows;
  const EntryId entry = add(rows, kAcme, "budget report");
  const auto removed = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(const ScopeKey key, scope_store::intern(transaction, kAcme));
    ASSIGN_OR_RETURN(const auto labels, entry_store::remove(transaction, key.tenant, entry, 1));
    return static_cast<int>(labels.size());
  });
  ASSERT_TRUE(removed.ok()) << removed.error().text();
  EXPECT_TRUE(found(rows, kAcme, "budget").empty());
  EXPECT_TRUE(integrity(rows).ok());
}

TEST(TextIndex, OfManyTenantsKeepsABoundedNumberOfStatements) {
  Rows rows;
  const int tenants = Limits{}.statements_cached_max;
  for (int i = 0; i < tenants; ++i) add(rows, {"tenant " + std::to_string(i), "", "", ""}, "budget report");
  const Result<int> kept = rows.write<int>([](Transaction& transaction) -> Result<int> {
    int statements = 0;
    for (sqlite3_stmt* statement = nullptr;
         (statement = sqlite3_next_stmt(transaction.connection().handle(), statement)) != nullptr;) {
      // FTS5 keeps some of its own for every table.
      statements += std::string_view(sqlite3_sql(statement)).starts_with("INSERT INTO memory_text_") ? 1 : 0;
    }
    return statements;
  });
  EXPECT_GT(kept.value(), 0) << "they are kept";
  EXPECT_LT(kept.value(), tenants) << "as long as the cache has capacity";
}

TEST(TextIndex, KnowsWhenAWordOrAnEntryIsAlone) {
  Rows rows;
  const EntryId entry = add(rows, kAcme, "budget report");
  EXPECT_TRUE(integrity(rows).ok());
  rows.execute("DELETE FROM memory_text_1 WHERE rowid = " + std::to_string(entry));
  EXPECT_EQ(integrity(rows).error().code, ErrorCode::kCorrupt) << "an entry without words";
  rows.execute("DELETE FROM memory_entries");
  EXPECT_TRUE(integrity(rows).ok());
  rows.execute("INSERT INTO memory_text_1 (rowid, terms) VALUES (77, 'ghost')");
  EXPECT_EQ(integrity(rows).error().code, ErrorCode::kCorrupt) << "words without an entry";
}

}  // namespace
}  // namespace mnema
