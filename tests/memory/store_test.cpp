#include "memory/store.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/memory/world.hpp"

namespace mnema {
namespace {

using testing::World;
using Texts = std::vector<std::string>;

const Scope kChat{"local", "", "", "chat"};
const Scope kAll{"local", "", "", ""};

struct Opened : World {
  explicit Opened(std::uint64_t seed = 1) : World(seed) {
    const Status opened = open();
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
  }
};

Document document(const std::string& uri, const std::string& bytes) {
  Document made;
  made.scope = kAll;
  made.uri = uri;
  made.media_type = MediaType::kMarkdown;
  made.bytes = bytes;
  return made;
}

FolderSource source_of(const testing::TemporaryFolder& folder) {
  FolderSource source;
  source.scope = kAll;
  source.path = folder.path();
  source.collection = "docs";
  return source;
}

TEST(MemoryStore, HasEverythingAgainAfterARestart) {
  Opened world;
  world.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(world.ingest(document("a.md", "# Bread\nBread needs flour.")).ok());
  ASSERT_TRUE(world.embedded().ok());
  const std::size_t asked = world.embedder->asked.size();
  world.reopen();
  EXPECT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.embedder->asked.size(), asked) << "vectors are kept, not made again";
  const MemoryStatistics statistics = world.memory->statistics().value();
  EXPECT_EQ(statistics.episodes, 1);
  EXPECT_EQ(statistics.documents, 1);
  EXPECT_EQ(statistics.chunks, 1);
  EXPECT_EQ(statistics.vectors, 2);
  EXPECT_EQ(statistics.vectors_pending, 0);
  EXPECT_EQ(statistics.index_rebuilds, 0) << "the index came from its file";
  EXPECT_EQ(statistics.embedder_id, "words/1");
  EXPECT_EQ(world.recalled("ferry to Oslo"), Texts{"the ferry to Oslo leaves at noon"});
  EXPECT_EQ(world.recalled("flour for bread"), Texts{"Bread needs flour."});
  EXPECT_EQ(world.memory->thread(kChat, "thread", 10)->front().episode.text, "the ferry to Oslo leaves at noon");
  EXPECT_EQ(world.memory->sources(kAll)->front().uri, "a.md");
  EXPECT_TRUE(world.memory->verify_chain("local", "thread").ok());
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

TEST(MemoryStore, LosesNothingAnsweredWhateverDiesWhen) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    Opened world(seed);
    Random& random = world.simulation.random();
    std::vector<std::string> answered;
    std::map<std::string, std::string> documents;
    for (int life = 0; life < 3; ++life) {
      for (std::uint64_t acts = random.below(20); acts > 0; --acts) {
        if (random.below(3) == 0) {
          const std::string uri = "d" + std::to_string(random.below(4)) + ".md";
          const std::string bytes = "content " + std::to_string(random.below(5));
          if (world.ingest(document(uri, bytes)).ok()) documents[uri] = bytes;
        } else {
          answered.push_back("said " + std::to_string(answered.size()));
          world.remember(answered.back());
        }
        for (std::uint64_t steps = random.below(20); steps > 0; --steps) world.simulation.run_one();
        if (random.below(8) == 0) {
          EXPECT_TRUE(world.memory->save_indexes().ok());
        }
      }
      world.crash();
      const Status opened = world.open();
      ASSERT_TRUE(opened.ok()) << "seed " << seed << ": " << opened.error().text();
    }
    ASSERT_TRUE(world.embedded().ok()) << "seed " << seed;
    std::vector<std::string> there;
    const auto thread = world.memory->thread(kChat, "thread", 1'000);
    for (const StoredEpisode& episode : thread.value()) {
      there.push_back(episode.episode.text);
    }
    EXPECT_EQ(there, answered) << "seed " << seed;
    EXPECT_EQ(world.memory->sources(kAll)->size(), documents.size()) << "seed " << seed;
    EXPECT_EQ(world.memory->statistics()->chunks, static_cast<std::int64_t>(documents.size())) << "seed " << seed;
    const Status checked = world.memory->check_integrity();
    EXPECT_TRUE(checked.ok()) << "seed " << seed << ": " << checked.error().text();
    if (!answered.empty()) {
      EXPECT_TRUE(world.memory->verify_chain("local", "thread").ok()) << "seed " << seed;
    }
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(MemoryStore, RemembersNothingOfAUnitThatFails) {
  Opened world;
  const auto failed = world.write<EpisodeId>([&](Transaction& transaction) -> Result<EpisodeId> {
    Episode episode;
    episode.scope = kChat;
    episode.text = "never happened";
    RETURN_IF_ERROR(world.memory->append_episode(transaction, episode).ok() ? Status() : Status(Error{}));
    return fail(ErrorCode::kAborted, "the turn lost");
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kAborted);
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_TRUE(world.recalled("never happened").empty());
  EXPECT_EQ(world.memory->statistics()->vectors, 0);
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

// SQLite cannot undo a table of words together with rows in it: a turn that failed took its whole commit group along.
TEST(MemoryStore, LetsAUnitThatFailsAfterANewTenantHarmNobody) {
  Opened world;
  world.execute("CREATE TABLE notes (text TEXT)");
  Executor& loop = world.simulation.lane("loop");
  std::vector<bool> ok;
  const auto on_done = [&](const Result<int>& done) { ok.push_back(done.ok()); };
  const auto note = [](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(transaction.connection().execute("INSERT INTO notes VALUES ('kept')"));
    return 0;
  };
  const auto remember = [&](const std::string& tenant, bool then_fail) {
    return [&world, tenant, then_fail](Transaction& transaction) -> Result<int> {
      Episode episode;
      episode.scope = {tenant, "", "", "chat"};
      episode.text = "the ferry to Oslo leaves at noon";
      RETURN_IF_ERROR(world.memory->append_episode(transaction, episode).ok() ? Status() : Status(Error{}));
      if (then_fail) return fail(ErrorCode::kAborted, "the turn lost");
      return 0;
    };
  };
  // One group, and then one for the table: with a failing unit of the same tenant right behind each.
  for (int round = 0; round < 2; ++round) {
    world.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", round == 0), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, remember("acme", true), loop, on_done);
    world.database->write<int>(WritePriority::kForeground, note, loop, on_done);
    while (ok.size() < 5U * static_cast<std::size_t>(round + 1)) ASSERT_TRUE(world.simulation.run_one());
    world.database->write<int>(WritePriority::kBackground, remember("other " + std::to_string(round), true), loop,
                               [](const Result<int>&) {});
  }
  EXPECT_EQ(ok, (std::vector<bool>{true, false, false, false, true, true, false, true, false, true}));
  EXPECT_EQ(world.number("SELECT count(*) FROM notes"), 4);
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.recalled("ferry to Oslo", {"acme", "", "", "chat"}).size(), 1U);
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

TEST(MemoryStore, FindsATenantsFirstRowsByTheirWordsAlsoAfterACrashBeforeTheirTable) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Opened world(seed);
    world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
    for (const char* text : {"the ferry to Oslo leaves at noon", "bread needs flour"}) world.remember(text);
    for (std::uint64_t steps = world.simulation.random().below(12); steps > 0; --steps) world.simulation.run_one();
    world.crash();
    ASSERT_TRUE(world.open().ok());
    world.simulation.run_for(std::chrono::milliseconds(1));
    EXPECT_EQ(world.recalled("ferry to Oslo").size(), 1U) << "seed " << seed;
    EXPECT_EQ(world.number("SELECT count(*) FROM memory_text_1"), 2) << "seed " << seed;
    EXPECT_TRUE(world.memory->check_integrity().ok()) << "seed " << seed;
  }
}

TEST(MemoryStore, SeesEachBreachOfItsLaw) {
  for (const char* breach :
       {"DELETE FROM memory_text_1 WHERE rowid = 1", "DELETE FROM memory_vectors WHERE entry_id = 1",
        "INSERT INTO memory_text_1 (rowid, terms) VALUES (99, 'ghost')",
        "INSERT INTO memory_vectors (entry_id, facet, embedder_id, tenant_id, scope_id, vector)"
        " SELECT entry_id, facet, embedder_id, tenant_id, scope_id, vector FROM memory_vectors LIMIT 1",
        "INSERT INTO memory_entries (scope_id, kind, time_us, trust, text) VALUES (1, 0, 0, 0, 'planted')"}) {
    Opened world;
    world.remember("the ferry to Oslo leaves at noon");
    world.remember("bread needs flour");
    ASSERT_TRUE(world.embedded().ok());
    ASSERT_TRUE(world.memory->check_integrity().ok());
    world.execute(breach);
    const Status checked = world.memory->check_integrity();
    ASSERT_FALSE(checked.ok()) << breach;
    EXPECT_EQ(checked.error().code, ErrorCode::kCorrupt) << breach;
  }
}

TEST(MemoryStore, ClosesTwiceAndAnswersWhatIsAskedAfterwards) {
  Opened world;
  world.remember("the ferry to Oslo leaves at noon");
  world.memory->close();
  world.memory->close();
  RecallQuery query;
  query.scope = kChat;
  query.text = "ferry";
  EXPECT_EQ(world.recall(query).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(world.ingest(document("a.md", "text")).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(world.ingest(source_of(world.folder)).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(world.retire(kAll, "a.md").error().code, ErrorCode::kCancelled);
  EXPECT_EQ(world.embedded().error().code, ErrorCode::kCancelled);
  world.memory->prestage("ferry");
  EXPECT_TRUE(world.simulation.run_until_idle());
}

TEST(MemoryStore, CancelsWhatIsStillToComeWhenItIsClosed) {
  Opened world;
  world.embedder->silent = true;
  world.remember("the ferry to Oslo leaves at noon");
  int cancelled = 0;
  const auto count = [&](const auto& answer) {
    EXPECT_FALSE(answer.ok());
    cancelled += !answer.ok() && answer.error().code == ErrorCode::kCancelled ? 1 : 0;
  };
  Executor& loop = world.simulation.lane("loop");
  world.memory->when_embedded(loop, count);
  world.memory->ingest_document(document("a.md", "text"), loop, count);
  world.memory->close();
  world.simulation.run_ready();
  EXPECT_EQ(cancelled, 2);
}

// Nothing that stands in an executor may trip over a store that went without being closed.
TEST(MemoryStore, GoesWithWorkInFlight) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Opened world(seed);
    for (int i = 0; i < 5; ++i) world.remember("said " + std::to_string(i));
    RecallQuery query;
    query.scope = kChat;
    query.text = "said";
    bool answered = false;
    world.memory->recall(query, world.simulation.lane("loop"), [&](const Result<Recalled>&) { answered = true; });
    for (std::uint64_t steps = world.simulation.random().below(10); steps > 0; --steps) world.simulation.run_one();
    world.memory.reset();
    const std::size_t asked = world.embedder->asked.size();
    world.simulation.run_until_idle();
    EXPECT_TRUE(answered) << "seed " << seed;
    EXPECT_LE(world.embedder->asked.size(), asked + 1) << "at most the question that was on its way, seed " << seed;
  }
}

TEST(MemoryStore, MakesAllVectorsAgainForAnotherEmbedderAndBack) {
  Opened world;
  world.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(world.embedded().ok());
  world.close();
  world.embedder = std::make_unique<testing::WordEmbedder>("words/2", 64);
  ASSERT_TRUE(world.open().ok());
  EXPECT_EQ(world.recalled("ferry to Oslo").size(), 1U) << "by words until the vectors are there";
  ASSERT_TRUE(world.embedded().ok());
  world.remember("bread needs flour");
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.memory->statistics()->vectors, 2);
  EXPECT_TRUE(world.memory->check_integrity().ok());
  world.close();
  world.embedder = std::make_unique<testing::WordEmbedder>("words/1");
  ASSERT_TRUE(world.open().ok());
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_EQ(world.memory->statistics()->vectors, 2) << "what came meanwhile has a vector of this embedder too";
  EXPECT_TRUE(world.memory->check_integrity().ok());
}

TEST(MemoryStore, RefusesAnEmbedderThatChangedItsDimensionsUnderItsName) {
  Opened world;
  world.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(world.embedded().ok());
  world.close();
  world.embedder = std::make_unique<testing::WordEmbedder>("words/1", 64);
  const Status refused = world.open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("128"), std::string::npos) << refused.error().text();
  world.embedder = std::make_unique<testing::WordEmbedder>("words/1");
  ASSERT_TRUE(world.open().ok());
}

TEST(MemoryStore, MakesItsWordsAgainInAnotherLanguage) {
  Opened world;
  world.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  world.remember("viele Häuser");
  EXPECT_TRUE(world.recalled("Haus").empty());
  world.close();
  world.language = "german";
  ASSERT_TRUE(world.open().ok());
  world.simulation.run_ready();
  EXPECT_EQ(world.recalled("Haus"), Texts{"viele Häuser"});
  EXPECT_TRUE(world.memory->check_integrity().ok());
  world.close();
  world.language = "klingon";
  EXPECT_EQ(world.open().error().code, ErrorCode::kInvalidArgument);
}

TEST(MemoryStore, RefusesADocumentThatIsNone) {
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

TEST(MemoryStore, ShowsTheNewVersionOfADocumentAndNothingOfTheOld) {
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

TEST(MemoryStore, FindsAChunkByTheHeadingAboveIt) {
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
TEST(MemoryStore, ShowsALongDocumentWholeOrNotAtAllWheneverItLooksOrDies) {
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

TEST(MemoryStore, WritesALongDocumentInUnitsThatLetOthersThrough) {
  Opened world;
  world.limits.chunk_tokens_max = 16;
  world.reopen();
  const std::int64_t before = world.database->statistics().groups_committed;
  ASSERT_EQ(world.ingest(document("book.md", book("first"))).value().chunks, 100);
  EXPECT_GE(world.database->statistics().groups_committed, before + 4);
}

TEST(MemoryStore, KeepsACollectionInStepWithItsFolder) {
  Opened world;
  world.limits.document_bytes_max = 100;
  world.reopen();
  const testing::TemporaryFolder docs;
  docs.write("a.md", "alpha stays");
  docs.write("b.md", "beta changes");
  docs.write("c.md", "gamma goes");
  docs.write("large.md", std::string(101, 'x'));
  std::vector<std::string> progress;
  const auto report = world.answered<IngestReport>([&](std::function<void(Result<IngestReport>)> on_done) {
    world.memory->ingest_folder(
        source_of(docs), world.simulation.lane("loop"),
        [&](const FolderProgress& file) {
          EXPECT_EQ(file.files, 4);
          progress.push_back(file.uri);
        },
        std::move(on_done));
  });
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->added, 3);
  EXPECT_EQ(report->skipped, 1);
  EXPECT_EQ(report->notes, Texts{"docs/large.md has 101 bytes, more than document_bytes_max (100)"});
  EXPECT_EQ(progress, (Texts{"docs/a.md", "docs/b.md", "docs/c.md", "docs/large.md"}));

  docs.write("b.md", "beta has changed");
  std::filesystem::remove(docs / "c.md");
  const IngestReport again = world.ingest(source_of(docs)).value();
  EXPECT_EQ(again.unchanged, 1);
  EXPECT_EQ(again.changed, 1);
  EXPECT_EQ(again.retired, 1);
  Texts uris;
  const auto sources = world.memory->sources(kAll);
  for (const SourceInfo& source : sources.value()) uris.push_back(source.uri);
  EXPECT_EQ(uris, (Texts{"docs/a.md", "docs/b.md"}));
  ASSERT_TRUE(world.embedded().ok());
  EXPECT_TRUE(world.recalled("gamma goes").empty());
  EXPECT_TRUE(world.memory->check_integrity().ok());

  FolderSource nowhere = source_of(docs);
  nowhere.path = "/nowhere/at/all";
  EXPECT_EQ(world.ingest(nowhere).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(world.memory->sources(kAll)->size(), 2U) << "a folder that is not there retires nothing";
}

Texts uris_of(Opened& world) {
  Texts uris;
  const auto sources = world.memory->sources(kAll);
  for (const SourceInfo& source : sources.value()) uris.push_back(source.uri);
  return uris;
}

// As the host does: all folders at once, at every start.
TEST(MemoryStore, KeepsTwoFoldersOfTheSameNameApart) {
  Opened world;
  const testing::TemporaryFolder folder;
  folder.write("a/docs/same.md", "alpha of the first");
  folder.write("a/docs/first.md", "only the first has this");
  folder.write("b/docs/same.md", "alpha of the second");
  folder.write("b/docs/second.md", "only the second has this");
  std::vector<IngestReport> reports;
  const auto start = [&] {
    reports.clear();
    for (const char* name : {"a/docs", "b/docs"}) {
      FolderSource source;
      source.scope = kAll;
      source.path = folder / name;
      world.memory->ingest_folder(source, world.simulation.lane("loop"), {}, [&](const Result<IngestReport>& report) {
        ASSERT_TRUE(report.ok()) << report.error().text();
        reports.push_back(*report);
      });
    }
    world.simulation.run_ready();
    ASSERT_EQ(reports.size(), 2U);
  };
  start();
  const Texts uris = uris_of(world);
  ASSERT_EQ(uris.size(), 4U);
  const bool first_came_first = uris[0] == "docs (b)/same.md";
  EXPECT_EQ(uris, first_came_first
                      ? (Texts{"docs (b)/same.md", "docs (b)/second.md", "docs/first.md", "docs/same.md"})
                      : (Texts{"docs (a)/first.md", "docs (a)/same.md", "docs/same.md", "docs/second.md"}));
  for (int again = 0; again < 3; ++again) {
    world.reopen();
    start();
    for (const IngestReport& report : reports) {
      EXPECT_EQ(report.unchanged, 2);
      EXPECT_EQ(report.added + report.changed + report.retired, 0);
    }
    EXPECT_EQ(uris_of(world), uris);
  }
}

TEST(MemoryStore, LetsAFolderThatWasMovedKeepItsName) {
  Opened world;
  const testing::TemporaryFolder folder;
  folder.write("old/docs/a.md", "alpha stays");
  folder.write("old/docs/b.md", "beta goes");
  FolderSource source;
  source.scope = kAll;
  source.path = folder / "old/docs";
  EXPECT_EQ(world.ingest(source).value().added, 2);
  std::filesystem::rename(folder / "old", folder / "new");
  std::filesystem::remove(folder / "new/docs/b.md");
  source.path = folder / "new/docs/";
  const IngestReport moved = world.ingest(source).value();
  EXPECT_EQ(moved.unchanged, 1);
  EXPECT_EQ(moved.retired, 1);
  EXPECT_EQ(uris_of(world), Texts{"docs/a.md"});
}

TEST(MemoryStore, RetiresNothingBelowAFolderThatItCannotRead) {
  Opened world;
  const testing::TemporaryFolder docs;
  docs.write("closed/a.md", "alpha");
  docs.write("closed/deep/b.md", "beta");
  docs.write("closedness.md", "gamma");
  ASSERT_EQ(world.ingest(source_of(docs)).value().added, 3);
  std::filesystem::remove(docs / "closedness.md");
  {
    const testing::Unreadable closed(docs, "closed");
    if (!closed.works()) GTEST_SKIP() << "this user may read everything";
    const IngestReport report = world.ingest(source_of(docs)).value();
    EXPECT_EQ(report.retired, 1);
    EXPECT_EQ(report.notes.size(), 1U);
  }
  EXPECT_EQ(uris_of(world), (Texts{"docs/closed/a.md", "docs/closed/deep/b.md"}));
  EXPECT_EQ(world.ingest(source_of(docs)).value().unchanged, 2);
}

TEST(MemoryStore, AsksForTheVectorOfAPrestagedQuestionOnce) {
  Opened world;
  world.memory->prestage("ferry to Oslo");
  world.simulation.run_ready();
  EXPECT_EQ(world.embedder->asked.size(), 1U);
  (void)world.recalled("ferry to Oslo");
  EXPECT_EQ(world.embedder->asked.size(), 1U);
}

TEST(MemoryStore, WantsToKnowWhoAsks) {
  Opened world;
  RecallQuery query;
  query.scope.tenant.clear();
  query.text = "anything";
  EXPECT_EQ(world.recall(query).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace mnema
