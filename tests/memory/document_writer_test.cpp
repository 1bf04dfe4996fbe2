#include "memory/document_writer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/memory/world.hpp"

namespace mnema {
namespace {

using testing::document;
using testing::kAll;
using testing::Opened;
using Texts = std::vector<std::string>;

TEST(Documents, ThatAreNoneAreRefused) {
  Opened world;
  world.limits.document_bytes_max = 100;
  world.reopen();
  EXPECT_EQ(world.ingest(document("", "text")).error().message, "a document needs a uri to be cited by");
  EXPECT_EQ(world.ingest(document("a.md", std::string(101, 'x'))).error().message,
            "document 'a.md' has 101 bytes, more than document_bytes_max (100)");
  EXPECT_EQ(world.ingest(document("a.md", std::string("a\0b", 3))).error().message,
            "document 'a.md' is not text: it has zero bytes");
  Document nobodys = document("a.md", "text");
  nobodys.scope.tenant.clear();
  EXPECT_EQ(world.ingest(nobodys).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(world.memory->sources(kAll)->empty());
}

TEST(Documents, ShowTheirNewVersionAndNothingOfTheOld) {
  Opened world;
  ASSERT_TRUE(world.ingest(document("fares.md", "The ferry costs ten crowns.")).ok());
  ASSERT_TRUE(world.embedded().ok());
  const IngestReport again = world.ingest(document("fares.md", "The ferry costs ten crowns.")).value();
  EXPECT_EQ(again.unchanged, 1);
  const IngestReport changed = world.ingest(document("fares.md", "The ferry costs twelve crowns.")).value();
  EXPECT_EQ(changed.changed, 1);
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.recalled("what does the ferry cost in crowns"), Texts{"The ferry costs twelve crowns."});
  EXPECT_EQ(world.memory->statistics()->vectors, 1);
  EXPECT_TRUE(world.memory->check_integrity().ok());
  ASSERT_TRUE(world.retire(kAll, "fares.md").ok());
  EXPECT_TRUE(world.recalled("what does the ferry cost in crowns").empty());
  EXPECT_EQ(world.retire(kAll, "fares.md").error().code, ErrorCode::kNotFound);
  world.simulation.run_ready();
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

TEST(Documents, AreFoundByTheHeadingAboveAChunk) {
  Opened world;
  world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  ASSERT_TRUE(world.ingest(document("a.md", "# Refunds\nWithin thirty days.")).ok());
  EXPECT_EQ(world.recalled("refund"), Texts{"Within thirty days."});
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
std::pair<std::set<std::string>, std::size_t> editions(Opened& world) {
  RecallQuery query;
  query.scope = kAll;
  query.text = "ferry";
  query.hits_max = 1'000;
  query.relevance_min = 0;
  const Recalled recalled = world.recall(query).value();
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
    Opened world(seed);
    world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
    world.limits.chunk_tokens_max = 16;  // a paragraph
    world.reopen();
    ASSERT_EQ(world.ingest(document("book.md", book("first"))).value().chunks, 100);
    const auto whole = editions(world);
    ASSERT_EQ(whole, std::make_pair(Editions{"first"}, std::size_t{100}));
    bool answered = false;
    world.memory->ingest_document(document("book.md", book("second")), world.simulation.lane("loop"),
                                  [&](const Result<IngestReport>& report) { answered = report.ok(); });
    const std::uint64_t steps = world.simulation.random().below(60);
    for (std::uint64_t step = 0; step < steps && !answered; ++step) {
      world.simulation.run_one();
      const auto [found, count] = editions(world);
      EXPECT_EQ(found.size(), 1U) << "seed " << seed << ", step " << step;
      EXPECT_EQ(count, 100U) << "seed " << seed << ", step " << step;
      if (::testing::Test::HasFailure()) return;
    }
    world.crash();
    ASSERT_TRUE(world.open().ok());
    const auto [found, count] = editions(world);
    EXPECT_EQ(count, 100U) << "seed " << seed;
    EXPECT_EQ(found, answered ? Editions{"second"} : found) << "seed " << seed;
    world.simulation.run_for(std::chrono::seconds(1));
    EXPECT_EQ(world.number("SELECT count(*) FROM memory_entries"), 100) << "nothing of the other is left";
    EXPECT_EQ(world.number("SELECT count(*) FROM memory_documents WHERE state >= 2"), 0);
    EXPECT_TRUE(world.memory->check_integrity().ok()) << "seed " << seed;
    ASSERT_TRUE(world.ingest(document("book.md", book("second"))).ok());
    EXPECT_EQ(editions(world), std::make_pair(Editions{"second"}, std::size_t{100})) << "seed " << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Documents, ThatAreLongAreWrittenInUnitsThatLetOthersThrough) {
  Opened world;
  world.limits.chunk_tokens_max = 16;
  world.reopen();
  const std::int64_t before = world.database->statistics().groups_committed;
  ASSERT_EQ(world.ingest(document("book.md", book("first"))).value().chunks, 100);
  EXPECT_GE(world.database->statistics().groups_committed, before + 4);
}

}  // namespace
}  // namespace mnema
