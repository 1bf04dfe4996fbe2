#include "memory/sources_store.hpp"

#include <gtest/gtest.h>

#include "memory/text_index_store.hpp"
#include "runtime/base/sha256.hpp"
#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;

const Scope kAcme{"acme", "", "", ""};
const Time kNow = from_micros(1'700'000'000'000'000);

Document document(const std::string& uri, const std::string& bytes, const std::string& collection = "docs") {
  Document made;
  made.scope = kAcme;
  made.uri = uri;
  made.collection = collection;
  made.media_type = MediaType::kMarkdown;
  made.bytes = bytes;
  return made;
}

struct Change {
  IngestOutcome outcome = IngestOutcome::kUnchanged;
  int chunks = 0;
};

sources_store::NewDocument prepared(const Rows& rows, const Document& what, const std::string& cut_format = "cut/1") {
  CutDocument cut = cut_document(what.bytes, what.media_type, 64).value();
  sources_store::NewDocument made{
      what, what.title.empty() ? cut.title : what.title, sha256_hex(what.bytes), cut_format, {}};
  for (Chunk& chunk : cut.chunks) {
    std::string words = rows.terms.joined(chunk.text);
    made.chunks.push_back({chunk, chunk.heading_path, std::move(words)});
  }
  return made;
}

Status clear(Transaction& transaction, const std::vector<DocumentId>& documents) {
  for (const DocumentId document : documents) {
    ASSIGN_OR_RETURN(const sources_store::Cleared cleared, sources_store::clear(transaction, document, 100, 1));
    CHECK(cleared.done, "a test's documents are small");
  }
  return {};
}

/// All steps in one unit.
Result<Change> put(Rows& rows, const Document& what, const std::string& cut_format = "cut/1", bool then_fail = false) {
  rows.prepare(what.scope);
  return rows.write<Change>([&](Transaction& transaction) -> Result<Change> {
    const sources_store::NewDocument made = prepared(rows, what, cut_format);
    ASSIGN_OR_RETURN(const sources_store::Begun begun, sources_store::begin(transaction, made, kNow));
    if (begun.draft == 0) return Change{begun.outcome, 0};
    ASSIGN_OR_RETURN(const bool wanted,
                     sources_store::add_chunks(transaction, begun.draft, made, 0, made.chunks.size()));
    CHECK(wanted, "nobody retires it meanwhile");
    ASSIGN_OR_RETURN(const std::vector<DocumentId> unseen, sources_store::publish(transaction, begun.draft));
    RETURN_IF_ERROR(clear(transaction, unseen));
    if (then_fail) return fail(ErrorCode::kInternal, "the unit fails after all its rows were written");
    return Change{begun.outcome, static_cast<int>(made.chunks.size())};
  });
}

Status retire(Rows& rows, const std::string& uri) {
  const auto retired = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(const std::vector<DocumentId> leaving, sources_store::retire(transaction, kAcme, uri));
    RETURN_IF_ERROR(clear(transaction, leaving));
    return 0;
  });
  return retired.ok() ? Status() : Status(retired.error());
}

std::vector<SourceInfo> list(Rows& rows, const Scope& asker = kAcme) {
  return rows
      .read<std::vector<SourceInfo>>([&](Transaction& transaction) { return sources_store::list(transaction, asker); })
      .value();
}

std::vector<std::string> chunks(Rows& rows) {
  return rows
      .read<std::vector<std::string>>([](Transaction& transaction) -> Result<std::vector<std::string>> {
        ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT text FROM memory_entries JOIN memory_chunks"
                                                               " USING (entry_id) ORDER BY ordinal"));
        std::vector<std::string> texts;
        for (;;) {
          ASSIGN_OR_RETURN(const bool row, select.step());
          if (!row) return texts;
          texts.push_back(select.text(0));
        }
      })
      .value();
}

TEST(Sources, AreListedWithWhatIsKnownOfThem) {
  Rows rows;
  const Change change = put(rows, document("docs/a.md", "# Alpha\ntext")).value();
  EXPECT_EQ(change.outcome, IngestOutcome::kAdded);
  EXPECT_EQ(change.chunks, 1);
  const auto listed = list(rows);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].uri, "docs/a.md");
  EXPECT_EQ(listed[0].title, "Alpha");
  EXPECT_EQ(listed[0].collection, "docs");
  EXPECT_EQ(listed[0].content_hash, sha256_hex("# Alpha\ntext"));
  EXPECT_EQ(listed[0].ingested, kNow);
  EXPECT_TRUE(list(rows, {"other", "", "", ""}).empty());
}

TEST(Sources, WithTheSameBytesStayUntouched) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# Alpha\ntext")).ok());
  const std::int64_t entry = rows.number("SELECT max(entry_id) FROM memory_entries");
  const Change again = put(rows, document("docs/a.md", "# Alpha\ntext")).value();
  EXPECT_EQ(again.outcome, IngestOutcome::kUnchanged);
  EXPECT_EQ(again.chunks, 0);
  EXPECT_EQ(rows.number("SELECT max(entry_id) FROM memory_entries"), entry);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_documents"), 1);
}

// The chunks carry the trust, are cut by the media type and searched by the title.
TEST(Sources, OfTheSameBytesButAnotherTrustTitleOrMediaTypeAreAnotherVersion) {
  Rows rows;
  Document made = document("docs/a.md", "# Alpha\ntext");
  ASSERT_TRUE(put(rows, made).ok());
  const auto outcome = [&] { return put(rows, made).value().outcome; };
  made.trust = Trust::kExternal;
  EXPECT_EQ(outcome(), IngestOutcome::kChanged);
  EXPECT_EQ(rows.number("SELECT trust FROM memory_entries"), static_cast<int>(Trust::kExternal));
  made.title = "Omega";
  EXPECT_EQ(outcome(), IngestOutcome::kChanged);
  EXPECT_EQ(list(rows)[0].title, "Omega");
  made.media_type = MediaType::kPlainText;
  EXPECT_EQ(outcome(), IngestOutcome::kChanged);
  EXPECT_EQ(chunks(rows), std::vector<std::string>{"# Alpha\ntext"});
  EXPECT_EQ(outcome(), IngestOutcome::kUnchanged);
}

TEST(Sources, WithOtherBytesTakeThePlaceOfTheOldOnes) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# A\nold one\n# B\nold two")).ok());
  const Change change = put(rows, document("docs/a.md", "# A\nnew")).value();
  EXPECT_EQ(change.outcome, IngestOutcome::kChanged);
  EXPECT_EQ(chunks(rows), std::vector<std::string>{"new"});
  EXPECT_EQ(list(rows).size(), 1U);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_entries"), 1);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_pending_vectors"), 1);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_text_1"), 1);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_documents WHERE state = 0"), 1) << "the old one, for the record";
}

TEST(Sources, ReplaceAllOfADocumentOrNothing) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# A\nold")).ok());
  ASSERT_FALSE(put(rows, document("docs/a.md", "# A\nnew"), "cut/1", true).ok());
  EXPECT_EQ(chunks(rows), std::vector<std::string>{"old"});
  EXPECT_EQ(list(rows)[0].content_hash, sha256_hex("# A\nold"));
  rows.power_cut();
  rows.open_database();
  EXPECT_EQ(chunks(rows), std::vector<std::string>{"old"});
}

TEST(Sources, AreCutAnewWhenTheWayOfCuttingChanges) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# A\ntext")).ok());
  EXPECT_EQ(put(rows, document("docs/a.md", "# A\ntext"), "cut/2").value().outcome, IngestOutcome::kChanged);
}

TEST(Sources, OfTheSameUriInTwoScopesAreTwo) {
  Rows rows;
  Document mine = document("docs/a.md", "for all");
  ASSERT_TRUE(put(rows, mine).ok());
  mine.scope.user = "ann";
  mine.bytes = "for ann";
  EXPECT_EQ(put(rows, mine).value().outcome, IngestOutcome::kAdded);
  EXPECT_EQ(list(rows).size(), 1U);
  EXPECT_EQ(list(rows, {"acme", "", "ann", ""}).size(), 2U);
}

TEST(Sources, ThatAreRetiredAreGoneWithAllTheirChunks) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# A\none\n# B\ntwo")).ok());
  EXPECT_TRUE(retire(rows, "docs/a.md").ok());
  EXPECT_TRUE(list(rows).empty());
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_entries"), 0);
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_text_1"), 0);
  EXPECT_EQ(retire(rows, "docs/a.md").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(put(rows, document("docs/a.md", "# A\nback")).value().outcome, IngestOutcome::kAdded);
}

/// A draft of `what` with all its chunks.
DocumentId draft(Rows& rows, const Document& what) {
  rows.prepare(what.scope);
  return rows
      .write<DocumentId>([&](Transaction& transaction) -> Result<DocumentId> {
        const sources_store::NewDocument made = prepared(rows, what);
        ASSIGN_OR_RETURN(const sources_store::Begun begun, sources_store::begin(transaction, made, kNow));
        ASSIGN_OR_RETURN(const bool wanted,
                         sources_store::add_chunks(transaction, begun.draft, made, 0, made.chunks.size()));
        return wanted ? begun.draft : 0;
      })
      .value();
}

/// Publishes; returns the hash of what is seen then, or nothing.
std::string seen_after_publishing(Rows& rows, DocumentId draft) {
  const auto published = rows.write<int>([&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(const std::vector<DocumentId> unseen, sources_store::publish(transaction, draft));
    RETURN_IF_ERROR(clear(transaction, unseen));
    return 0;
  });
  CHECK(published.ok(), "it is published");
  const auto listed = list(rows);
  return listed.empty() ? "" : listed[0].content_hash;
}

TEST(Sources, AreSeenByNobodyBeforeTheyArePublished) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "# A\nold")).ok());
  const DocumentId next = draft(rows, document("docs/a.md", "# A\nnew"));
  ASSERT_EQ(list(rows).size(), 1U);
  EXPECT_EQ(list(rows)[0].content_hash, sha256_hex("# A\nold"));
  const auto counts =
      rows.read<sources_store::Counts>([](Transaction& transaction) { return sources_store::counts(transaction); });
  EXPECT_EQ(counts->documents, 1);
  EXPECT_EQ(counts->chunks, 1);
  EXPECT_EQ(seen_after_publishing(rows, next), sha256_hex("# A\nnew"));
}

TEST(Sources, OfTwoDraftsAreTheOneThatBeganLater) {
  Rows rows;
  const DocumentId first = draft(rows, document("docs/a.md", "first"));
  const DocumentId second = draft(rows, document("docs/a.md", "second"));
  EXPECT_EQ(seen_after_publishing(rows, second), sha256_hex("second"));
  EXPECT_EQ(seen_after_publishing(rows, first), sha256_hex("second"));
  EXPECT_EQ(chunks(rows), std::vector<std::string>{"second"});
}

// What is there now is not what will be there: the same bytes are no reason to leave it at that.
TEST(Sources, ThatAreAsTheyWereWinOverADraftThatBeganBefore) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/a.md", "old")).ok());
  const DocumentId changed = draft(rows, document("docs/a.md", "changed"));
  const DocumentId back = draft(rows, document("docs/a.md", "old"));
  ASSERT_NE(back, 0);
  EXPECT_EQ(seen_after_publishing(rows, changed), sha256_hex("changed"));
  EXPECT_EQ(seen_after_publishing(rows, back), sha256_hex("old"));
}

TEST(Sources, ThatAreRetiredAsADraftAreNeverSeen) {
  Rows rows;
  const DocumentId next = draft(rows, document("docs/a.md", "new"));
  EXPECT_TRUE(retire(rows, "docs/a.md").ok());
  EXPECT_EQ(seen_after_publishing(rows, next), "");
  EXPECT_EQ(rows.number("SELECT count(*) FROM memory_entries"), 0);
  const auto unseen =
      rows.read<std::vector<DocumentId>>([](Transaction& transaction) { return sources_store::unseen(transaction); });
  EXPECT_TRUE(unseen->empty());
}

TEST(Sources, OfACollectionAreKnownByTheirUris) {
  Rows rows;
  ASSERT_TRUE(put(rows, document("docs/b.md", "b")).ok());
  ASSERT_TRUE(put(rows, document("docs/a.md", "a")).ok());
  ASSERT_TRUE(put(rows, document("else/c.md", "c", "else")).ok());
  const auto uris = rows.read<std::vector<std::string>>(
      [](Transaction& transaction) { return sources_store::uris(transaction, kAcme, "docs"); });
  EXPECT_EQ(uris.value(), (std::vector<std::string>{"docs/a.md", "docs/b.md"}));
}

}  // namespace
}  // namespace mnema
