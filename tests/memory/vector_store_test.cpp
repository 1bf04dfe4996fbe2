#include "memory/vector_store.hpp"

#include <gtest/gtest.h>

#include "memory/entry_store.hpp"
#include "memory/episodic_store.hpp"
#include "memory/sources_store.hpp"
#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;
using Labels = std::vector<VectorLabel>;

const Scope kAcme{"acme", "", "", ""};

EntryId entry(Rows& rows, const Scope& scope = kAcme, const std::string& text = "text") {
  return rows
      .write<EntryId>([&](Transaction& transaction) -> Result<EntryId> {
        entry_store::NewEntry made;
        ASSIGN_OR_RETURN(made.where, scope_store::intern(transaction, scope));
        made.text = text;
        return entry_store::add(transaction, made);
      })
      .value();
}

std::optional<vector_store::VectorRow> add(Rows& rows, EntryId of, const std::string& embedder, std::int64_t tag = 1) {
  return rows
      .write<std::optional<vector_store::VectorRow>>(
          [&](Transaction& transaction) -> Result<std::optional<vector_store::VectorRow>> {
            ASSIGN_OR_RETURN(const std::int64_t id, vector_store::intern_embedder(transaction, embedder, 2));
            return vector_store::add(transaction, of, id, {0.6F, 0.8F}, {}, tag);
          })
      .value();
}

Labels labels(Rows& rows, TenantId tenant, const std::string& embedder) {
  return rows
      .read<Labels>([&](Transaction& transaction) -> Result<Labels> {
        ASSIGN_OR_RETURN(const auto id, vector_store::find_embedder(transaction, embedder, 2));
        return id ? vector_store::labels(transaction, tenant, *id) : Labels();
      })
      .value();
}

TEST(VectorRows, AreWhatWasPutIn) {
  Rows rows;
  const EntryId id = entry(rows);
  const auto row = add(rows, id, "e1");
  ASSERT_TRUE(row.has_value());
  const auto found = rows.read<std::optional<vector_store::VectorRow>>(
      [&](Transaction& transaction) { return vector_store::find(transaction, row->label); });
  ASSERT_TRUE(found.value().has_value());
  EXPECT_EQ((*found)->entry, id);
  EXPECT_EQ((*found)->vector, (std::vector<float>{0.6F, 0.8F}));
}

TEST(VectorRows, OfTwoEmbeddersAreNeverMixed) {
  Rows rows;
  const EntryId id = entry(rows);
  const auto first = add(rows, id, "e1");
  const auto second = add(rows, id, "e2");
  EXPECT_EQ(labels(rows, first->tenant, "e1"), Labels{first->label});
  EXPECT_EQ(labels(rows, first->tenant, "e2"), Labels{second->label});
  EXPECT_TRUE(labels(rows, first->tenant, "e3").empty());
}

TEST(VectorRows, AreMadeOnceForAnEntryAndNotForOneThatIsGone) {
  Rows rows;
  const EntryId id = entry(rows);
  EXPECT_TRUE(add(rows, id, "e1").has_value());
  EXPECT_FALSE(add(rows, id, "e1").has_value());
  EXPECT_FALSE(add(rows, id + 1, "e1").has_value());
}

TEST(PendingVectors, SayAloudWhoSpeaksAndUnderWhichHeading) {
  Rows rows;
  const auto written = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    Episode episode;
    episode.scope = kAcme;
    episode.thread = "t";
    episode.role = "user";
    episode.text = "where is my train";
    ASSIGN_OR_RETURN(const EpisodeId id, episodic_store::append(transaction, episode, "salt", rows.terms));
    sources_store::NewDocument made;
    made.document.scope = kAcme;
    made.document.uri = "a.md";
    made.chunks.push_back({{"Trains", "On time.", {}}, "Trains", "trains on time"});
    ASSIGN_OR_RETURN(const sources_store::Begun begun, sources_store::begin(transaction, made, Time{}));
    ASSIGN_OR_RETURN(const bool wanted, sources_store::add_chunks(transaction, begun.draft, made, 0, 1));
    CHECK(wanted, "nobody retires it meanwhile");
    return static_cast<int>(id);
  });
  ASSERT_TRUE(written.ok());
  const auto pending = rows.read<std::vector<vector_store::PendingEntry>>(
      [](Transaction& transaction) { return vector_store::pending(transaction, 1, 10); });
  ASSERT_EQ(pending.value().size(), 2U);
  EXPECT_EQ(pending.value()[1].text, "user: where is my train");
  EXPECT_EQ(pending.value()[0].text, "Trains\nOn time.");
}

TEST(PendingVectors, OfAnotherEmbedderAreFoundSliceBySlice) {
  Rows rows;
  std::vector<EntryId> entries;
  for (int i = 0; i < 5; ++i) {
    entries.push_back(entry(rows));
    add(rows, entries.back(), "e1");
  }
  add(rows, entries[1], "e2");
  std::vector<EntryId> ends;
  for (EntryId after = 0;;) {
    const auto last =
        rows.write<std::optional<EntryId>>([&](Transaction& transaction) -> Result<std::optional<EntryId>> {
          ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, "e2", 2));
          return vector_store::enqueue_without_vector(transaction, embedder, false, after, 2);
        });
    if (!last.value()) break;
    after = **last;
    ends.push_back(after);
  }
  EXPECT_EQ(ends, (std::vector<EntryId>{entries[1], entries[3], entries[4]}));
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_pending_vectors"), 4) << "one has its vector already";
}

TEST(VectorRows, KeepTheTokensOfTheirTextUntilTheyGo) {
  Rows rows;
  const EntryId id = entry(rows);
  const auto row = add(rows, id, "e1");
  ASSERT_TRUE(row.has_value());
  const auto records = [&] {
    std::vector<std::string> found;
    const auto read = rows.read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(vector_store::each_tokens(transaction, {id}, "e1", [&](EntryId entry, std::string_view record) {
        EXPECT_EQ(entry, id);
        found.emplace_back(record);
      }));
      return 0;
    });
    EXPECT_TRUE(read.ok());
    return found;
  };
  EXPECT_TRUE(records().empty()) << "a row without tokens is one all the same";
  const auto again = rows.write<std::optional<vector_store::VectorRow>>(
      [&](Transaction& transaction) -> Result<std::optional<vector_store::VectorRow>> {
        ASSIGN_OR_RETURN(const std::int64_t e1, vector_store::intern_embedder(transaction, "e1", 2));
        return vector_store::add(transaction, id, e1, {1, 0}, "tokens", 2);
      });
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->has_value()) << "its vector stays as it was";
  EXPECT_EQ(records(), std::vector<std::string>{"tokens"});
  const auto removed = rows.write<Labels>(
      [&](Transaction& transaction) { return vector_store::remove(transaction, row->tenant, id, 3); });
  EXPECT_EQ(*removed, Labels{row->label});
  EXPECT_TRUE(records().empty());
}

TEST(PendingVectors, AreForTheTokensOfTurnsToo) {
  Rows rows;
  const std::string page(3'000, 'x');
  for (const std::string& text : {std::string("short"), page}) add(rows, entry(rows, kAcme, text), "e1");
  const auto enqueue = [&](bool tokens) {
    const auto last =
        rows.write<std::optional<EntryId>>([&](Transaction& transaction) -> Result<std::optional<EntryId>> {
          ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, "e1", 2));
          return vector_store::enqueue_without_vector(transaction, embedder, tokens, 0, 10);
        });
    EXPECT_TRUE(last.ok());
    return rows.number("SELECT count(*) FROM memory_pending_vectors");
  };
  EXPECT_EQ(enqueue(false), 0);
  EXPECT_EQ(enqueue(true), 1) << "a page has none";
}

TEST(VectorChanges, AreLoggedWithEachRow) {
  Rows rows;
  const EntryId id = entry(rows);
  const auto row = add(rows, id, "e1", 11);
  const auto last = [&](std::int64_t at_most) {
    return rows
        .read<vector_store::Change>([&](Transaction& transaction) -> Result<vector_store::Change> {
          ASSIGN_OR_RETURN(const auto embedder, vector_store::find_embedder(transaction, "e1", 2));
          return vector_store::last_change(transaction, row->tenant, *embedder, at_most);
        })
        .value();
  };
  EXPECT_EQ(last(INT64_MAX).id, 1);
  EXPECT_EQ(last(INT64_MAX).tag, 11);
  const auto removed = rows.write<Labels>(
      [&](Transaction& transaction) { return vector_store::remove(transaction, row->tenant, id, 12); });
  EXPECT_EQ(removed.value(), Labels{row->label});
  EXPECT_EQ(last(INT64_MAX).tag, 12);
  EXPECT_EQ(last(1).tag, 11) << "the log keeps what was";
  EXPECT_EQ(last(0).id, 0);
}

TEST(VectorIntegrity, WantsAVectorOrAPlaceInTheQueueForEachEntry) {
  Rows rows;
  const auto checked = [&](const std::string& embedder) {
    return rows
        .read<int>([&](Transaction& transaction) -> Result<int> {
          RETURN_IF_ERROR(vector_store::check_integrity(transaction, embedder));
          return 0;
        })
        .ok();
  };
  const EntryId id = entry(rows);
  EXPECT_TRUE(checked("e1")) << "it waits";
  add(rows, id, "e1");
  EXPECT_TRUE(checked("e1"));
  EXPECT_FALSE(checked("e2")) << "the vector is of another embedder";
  rows.execute("DELETE FROM memory_vectors");
  EXPECT_FALSE(checked("e1"));
}

}  // namespace
}  // namespace mnema
