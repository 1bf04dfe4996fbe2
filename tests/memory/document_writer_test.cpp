#include "memory/document_writer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::document;
using testing::kAll;
using testing::Opened;
using Texts = std::vector<std::string>;

TEST(Documents, ThatAreNoneAreRefused) {
  Opened fixture;
  fixture.limits.document_bytes_max = 100;
  fixture.reopen();
  EXPECT_EQ(fixture.ingest(document("", "text")).error().message, "a document needs a uri to be cited by");
  EXPECT_EQ(fixture.ingest(document("a.md", std::string(101, 'x'))).error().message,
            "document 'a.md' has 101 bytes, more than document_bytes_max (100)");
  EXPECT_EQ(fixture.ingest(document("a.md", std::string("a\0b", 3))).error().message,
            "document 'a.md' is not text: it has zero bytes");
  Document nobodys = document("a.md", "text");
  nobodys.scope.tenant.clear();
  EXPECT_EQ(fixture.ingest(nobodys).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(fixture.memory->sources(kAll)->empty());
}

TEST(Documents, ShowTheirNewVersionAndNothingOfTheOld) {
  Opened fixture;
  ASSERT_TRUE(fixture.ingest(document("fares.md", "The ferry costs ten crowns.")).ok());
  ASSERT_TRUE(fixture.embedded().ok());
  const IngestReport again = fixture.ingest(document("fares.md", "The ferry costs ten crowns.")).value();
  EXPECT_EQ(again.unchanged, 1);
  const IngestReport changed = fixture.ingest(document("fares.md", "The ferry costs twelve crowns.")).value();
  EXPECT_EQ(changed.changed, 1);
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.recalled("what does the ferry cost in crowns"), Texts{"The ferry costs twelve crowns."});
  EXPECT_EQ(fixture.memory->statistics()->vectors, 1);
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
  ASSERT_TRUE(fixture.retire(kAll, "fares.md").ok());
  EXPECT_TRUE(fixture.recalled("what does the ferry cost in crowns").empty());
  EXPECT_EQ(fixture.retire(kAll, "fares.md").error().code, ErrorCode::kNotFound);
  fixture.simulation.run_ready();
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(Documents, AreFoundByTheHeadingAboveAChunk) {
  Opened fixture;
  fixture.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  ASSERT_TRUE(fixture.ingest(document("a.md", "# Refunds\nWithin thirty days.")).ok());
  EXPECT_EQ(fixture.recalled("refund"), Texts{"Within thirty days."});
}

/// A version of a book: each paragraph names it.
std::string book(const std::string& version) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "ferry edition " + version + " paragraph p" + std::to_string(i) + "\n\n";
  }
  return text;
}

/// The editions that are recalled, and how many paragraphs in all.
std::pair<std::set<std::string>, std::size_t> editions(Opened& fixture) {
  RecallQuery query;
  query.scope = kAll;
  query.text = "ferry";
  query.hits_max = 1'000;
  query.relevance_min = 0;
  const Recalled recalled = fixture.recall(query).value();
  std::set<std::string> found;
  for (const RecallHit& hit : recalled.hits) {
    for (const char* version : {"first", "second"}) {
      if (hit.text.find(version) != std::string::npos) found.insert(version);
    }
  }
  return {found, recalled.hits.size()};
}

// Its hundred chunks take several units of work, and the power may go between any two of them.
TEST(Documents, ShowWholeOrNotAtAllWheneverOneLooksOrThePowerGoes) {
  using Editions = std::set<std::string>;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    Opened fixture(seed);
    fixture.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
    fixture.limits.chunk_tokens_max = 16;  // a paragraph
    fixture.reopen();
    ASSERT_EQ(fixture.ingest(document("book.md", book("first"))).value().chunks, 100);
    const auto whole = editions(fixture);
    ASSERT_EQ(whole, std::make_pair(Editions{"first"}, std::size_t{100}));
    bool answered = false;
    fixture.memory->ingest_document(document("book.md", book("second")), fixture.simulation.lane("loop"),
                                    [&](const Result<IngestReport>& report) { answered = report.ok(); });
    const std::uint64_t steps = fixture.simulation.random().below(60);
    for (std::uint64_t step = 0; step < steps && !answered; ++step) {
      fixture.simulation.run_one();
      const auto [found, count] = editions(fixture);
      EXPECT_EQ(found.size(), 1U) << "seed " << seed << ", step " << step;
      EXPECT_EQ(count, 100U) << "seed " << seed << ", step " << step;
      if (::testing::Test::HasFailure()) return;
    }
    fixture.crash();
    ASSERT_TRUE(fixture.open().ok());
    const auto [found, count] = editions(fixture);
    EXPECT_EQ(count, 100U) << "seed " << seed;
    EXPECT_EQ(found, answered ? Editions{"second"} : found) << "seed " << seed;
    fixture.simulation.run_for(std::chrono::seconds(1));
    EXPECT_EQ(fixture.number("SELECT count(*) FROM memory_entries"), 100) << "nothing of the other is left";
    EXPECT_EQ(fixture.number("SELECT count(*) FROM memory_documents WHERE state >= 2"), 0);
    EXPECT_TRUE(fixture.memory->check_integrity().ok()) << "seed " << seed;
    ASSERT_TRUE(fixture.ingest(document("book.md", book("second"))).ok());
    EXPECT_EQ(editions(fixture), std::make_pair(Editions{"second"}, std::size_t{100})) << "seed " << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Documents, ThatAreLongAreWrittenInUnitsThatLetOthersThrough) {
  Opened fixture;
  fixture.limits.chunk_tokens_max = 16;
  fixture.reopen();
  const std::int64_t before = fixture.database->statistics().groups_committed;
  ASSERT_EQ(fixture.ingest(document("book.md", book("first"))).value().chunks, 100);
  EXPECT_GE(fixture.database->statistics().groups_committed, before + 4);
}

}  // namespace
}  // namespace mnema
