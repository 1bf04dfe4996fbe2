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

Result<text_index_store::TextMatches> matches(Rows& rows, const Scope& asker, const std::string& words,
                                              int count_max = 10) {
  return rows.read<text_index_store::TextMatches>(
      [&](Transaction& transaction) -> Result<text_index_store::TextMatches> {
        ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
        return text_index_store::search(transaction, EntryFilter(visible, {}), rows.terms.distinct(words, 64),
                                        count_max);
      });
}

Entries found(Rows& rows, const Scope& asker, const std::string& words) {
  Entries entries;
  const auto all = matches(rows, asker, words);
  for (const auto& match : all.value().found) entries.push_back(match.entry);
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

TEST(TextIndex, FindsWhatHasAnyOfTheWordsAndCountsThem) {
  Rows rows;
  const EntryId both = add(rows, kAcme, "the ferry to Oslo leaves at noon");
  const EntryId one = add(rows, kAcme, "a ferry is a boat, and boats float");
  add(rows, kAcme, "trains never float");
  EXPECT_EQ(found(rows, kAcme, "which ferry goes to oslo"), (Entries{both, one}));
  const auto counted = matches(rows, kAcme, "a boat, a ferry").value();
  EXPECT_EQ(counted.terms, (std::vector<std::string>{"boat", "ferri"}));
  EXPECT_EQ(counted.entries, 3);
  ASSERT_EQ(counted.found.size(), 2U);
  EXPECT_EQ(counted.found[1].counts, (std::vector<int>{2, 1}));
  EXPECT_EQ(counted.found[1].length, 4) << "ferry, boat, boats, float";
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

// How rare a word is, is counted among what the asker may see: what others write must not change that.
TEST(TextIndex, CountsTheVisibleEntriesAlone) {
  Rows rows;
  const Scope ann{"acme", "", "ann", ""};
  add(rows, ann, "a rare word: quokka");
  add(rows, ann, "something else entirely");
  for (int i = 0; i < 50; ++i) {
    add(rows, {"other", "", "", ""}, "quokka quokka quokka");
    add(rows, {"acme", "", "bob", ""}, "quokka quokka quokka");
  }
  const auto counted = matches(rows, ann, "quokka").value();
  EXPECT_EQ(counted.entries, 2);
  EXPECT_EQ(counted.found.size(), 1U);
}

// A word that stands in thousands of texts says little and costs much.
TEST(TextIndex, LeavesOutTheCommonestWordsOfManyButCountsThem) {
  Rows rows;
  const EntryId rare = add(rows, kAcme, "the ferry carried a quokka");
  const ScopeKey where = rows.prepare(kAcme);
  const auto many = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    for (int i = 0; i < 4'200; ++i) {
      entry_store::NewEntry entry;
      entry.where = where;
      entry.text = "the ferry left";
      entry.words = "ferri left";
      RETURN_IF_ERROR(entry_store::add(transaction, entry).ok() ? Status() : Status(Error{}));
    }
    return 0;
  });
  ASSERT_TRUE(many.ok());
  const auto counted = matches(rows, kAcme, "which ferry carried the quokka", 100).value();
  ASSERT_EQ(counted.found.size(), 1U);
  EXPECT_EQ(counted.found[0].entry, rare);
  EXPECT_EQ(counted.found[0].counts, (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(matches(rows, kAcme, "ferry", 100).value().found.size(), 4'201U) << "the only word there is";
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
