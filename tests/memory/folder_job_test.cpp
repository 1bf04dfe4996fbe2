#include "memory/folder_job.hpp"

#include <gtest/gtest.h>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::kAll;
using testing::Opened;
using testing::source_of;
using Texts = std::vector<std::string>;

Texts uris_of(Opened& fixture) {
  Texts uris;
  const auto sources = fixture.memory->sources(kAll);
  for (const SourceInfo& source : sources.value()) uris.push_back(source.uri);
  return uris;
}

TEST(Folder, KeepsItsCollectionInStep) {
  Opened fixture;
  fixture.limits.document_bytes_max = 100;
  fixture.reopen();
  const testing::TemporaryFolder docs;
  docs.write("a.md", "alpha stays");
  docs.write("b.md", "beta changes");
  docs.write("c.md", "gamma goes");
  docs.write("large.md", std::string(101, 'x'));
  std::vector<std::string> progress;
  const auto report = fixture.answered<IngestReport>([&](std::function<void(Result<IngestReport>)> on_done) {
    fixture.memory->ingest_folder(
        source_of(docs), fixture.simulation.lane("loop"),
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
  const IngestReport again = fixture.ingest(source_of(docs)).value();
  EXPECT_EQ(again.unchanged, 1);
  EXPECT_EQ(again.changed, 1);
  EXPECT_EQ(again.retired, 1);
  Texts uris;
  const auto sources = fixture.memory->sources(kAll);
  for (const SourceInfo& source : sources.value()) uris.push_back(source.uri);
  EXPECT_EQ(uris, (Texts{"docs/a.md", "docs/b.md"}));
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_TRUE(fixture.recalled("gamma goes").empty());
  EXPECT_TRUE(fixture.memory->check_integrity().ok());

  FolderSource nowhere = source_of(docs);
  nowhere.path = "/nowhere/at/all";
  EXPECT_EQ(fixture.ingest(nowhere).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fixture.memory->sources(kAll)->size(), 2U) << "a folder that is not there retires nothing";
}

// As the host does: all folders at once, at every start.
TEST(Folder, IsKeptApartFromAnotherOfItsName) {
  Opened fixture;
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
      fixture.memory->ingest_folder(source, fixture.simulation.lane("loop"), {},
                                    [&](const Result<IngestReport>& report) {
                                      ASSERT_TRUE(report.ok()) << report.error().text();
                                      reports.push_back(*report);
                                    });
    }
    fixture.simulation.run_ready();
    ASSERT_EQ(reports.size(), 2U);
  };
  start();
  const Texts uris = uris_of(fixture);
  ASSERT_EQ(uris.size(), 4U);
  const bool first_came_first = uris[0] == "docs (b)/same.md";
  EXPECT_EQ(uris, first_came_first
                      ? (Texts{"docs (b)/same.md", "docs (b)/second.md", "docs/first.md", "docs/same.md"})
                      : (Texts{"docs (a)/first.md", "docs (a)/same.md", "docs/same.md", "docs/second.md"}));
  for (int again = 0; again < 3; ++again) {
    fixture.reopen();
    start();
    for (const IngestReport& report : reports) {
      EXPECT_EQ(report.unchanged, 2);
      EXPECT_EQ(report.added + report.changed + report.retired, 0);
    }
    EXPECT_EQ(uris_of(fixture), uris);
  }
}

TEST(Folder, KeepsItsNameWhenItIsMoved) {
  Opened fixture;
  const testing::TemporaryFolder folder;
  folder.write("old/docs/a.md", "alpha stays");
  folder.write("old/docs/b.md", "beta goes");
  FolderSource source;
  source.scope = kAll;
  source.path = folder / "old/docs";
  EXPECT_EQ(fixture.ingest(source).value().added, 2);
  std::filesystem::rename(folder / "old", folder / "new");
  std::filesystem::remove(folder / "new/docs/b.md");
  source.path = folder / "new/docs/";
  const IngestReport moved = fixture.ingest(source).value();
  EXPECT_EQ(moved.unchanged, 1);
  EXPECT_EQ(moved.retired, 1);
  EXPECT_EQ(uris_of(fixture), Texts{"docs/a.md"});
}

/// The citation of what answers `question`.
std::string cited(Opened& fixture, const std::string& question) {
  RecallQuery query;
  query.scope = kAll;
  query.text = question;
  query.relevance_min = 0;
  const Recalled recalled = fixture.recall(query).value();
  return recalled.hits.empty() ? "" : recalled.hits[0].source.citation();
}

TEST(Folder, MarksWhatCanNoLongerBeReadAsStaleUntilItCan) {
  Opened fixture;
  fixture.limits.document_bytes_max = 100;
  fixture.reopen();
  const testing::TemporaryFolder docs;
  docs.write("fares.md", "The ferry costs ten crowns.");
  ASSERT_EQ(fixture.ingest(source_of(docs)).value().added, 1);
  EXPECT_EQ(cited(fixture, "ferry"), "fares.md, line 1");

  docs.write("fares.md", std::string("ferry\0\1\2\3", 9));
  const IngestReport broken = fixture.ingest(source_of(docs)).value();
  EXPECT_EQ(broken.skipped, 1);
  EXPECT_EQ(broken.notes, Texts{"document 'docs/fares.md' is not text: it has zero bytes; what was read from it before "
                                "is still recalled, marked stale"});
  EXPECT_EQ(cited(fixture, "ferry"), "fares.md, line 1 (stale: the file cannot be read today)");
  EXPECT_EQ(fixture.memory->sources(kAll)->at(0).stale, "the file cannot be read today");

  docs.write("fares.md", std::string(101, 'x'));
  EXPECT_NE(fixture.ingest(source_of(docs)).value().notes.at(0).find("marked stale"), std::string::npos);
  EXPECT_EQ(cited(fixture, "ferry"), "fares.md, line 1 (stale: the file is too large today)");

  docs.write("fares.md", "The ferry costs ten crowns.");
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().unchanged, 1);
  EXPECT_EQ(cited(fixture, "ferry"), "fares.md, line 1");
  EXPECT_TRUE(fixture.memory->check_integrity().ok());
}

TEST(Folder, RunsAProgramOverAFileOnlyWhenTheFileHasChanged) {
  Opened fixture;
  const testing::TemporaryFolder programs;
  const auto make_program = [&](const std::string& prints) {
    std::filesystem::permissions(programs.write("pdftotext", "#!/bin/sh\necho '" + prints + "'"),
                                 std::filesystem::perms::owner_all);
  };
  const std::string path = getenv("PATH");
  setenv("PATH", programs.path().c_str(), 1);
  const testing::TemporaryFolder docs;
  const std::string file = docs.write("a.pdf", "x");
  make_program("first ferry");
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().added, 1);
  EXPECT_EQ(cited(fixture, "ferry"), "a.pdf › page 1");
  make_program("second ferry");
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().unchanged, 1);
  EXPECT_EQ(fixture.recalled("ferry"), Texts{"first ferry"});
  std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().changed, 1);
  EXPECT_EQ(fixture.recalled("ferry"), Texts{"second ferry"});
  std::filesystem::remove(programs / "pdftotext");
  std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::seconds(1));
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().notes,
            Texts{"docs/a.pdf needs pdftotext, which is not installed (install the package poppler-utils); what was "
                  "read from it before is still recalled, marked stale"});
  setenv("PATH", path.c_str(), 1);
}

TEST(Folder, SaysInWhatEncodingAFileWasRead) {
  Opened fixture;
  const testing::TemporaryFolder docs;
  docs.write("alt.txt",
             "sch\xf6n und gr\xf6\xdf"
             "er, t\xe4glich");
  const IngestReport report = fixture.ingest(source_of(docs)).value();
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.notes, Texts{"docs/alt.txt was read as windows-1252 (detected)"});
}

TEST(Folder, RetiresNothingBelowWhatCannotBeRead) {
  Opened fixture;
  const testing::TemporaryFolder docs;
  docs.write("closed/a.md", "alpha");
  docs.write("closed/deep/b.md", "beta");
  docs.write("closedness.md", "gamma");
  ASSERT_EQ(fixture.ingest(source_of(docs)).value().added, 3);
  std::filesystem::remove(docs / "closedness.md");
  {
    const testing::Unreadable closed(docs, "closed");
    if (!closed.works()) GTEST_SKIP() << "this user may read everything";
    const IngestReport report = fixture.ingest(source_of(docs)).value();
    EXPECT_EQ(report.retired, 1);
    EXPECT_EQ(report.notes.size(), 1U);
    EXPECT_EQ(fixture.memory->sources(kAll)->at(0).stale, "its folder cannot be read");
  }
  EXPECT_EQ(uris_of(fixture), (Texts{"docs/closed/a.md", "docs/closed/deep/b.md"}));
  EXPECT_EQ(fixture.ingest(source_of(docs)).value().unchanged, 2);
}

/// Keeps the folder read until the fixture goes; how often it was, and what came of the last time.
struct Kept {
  Kept(Opened& fixture, const testing::TemporaryFolder& docs, Duration ttl) {
    FolderSource source = source_of(docs);
    source.ttl = ttl;
    fixture.memory->keep_folder(source, fixture.simulation.lane("loop"), {},
                                [this](const Result<IngestReport>& report) {
                                  ++readings;
                                  failed = !report.ok();
                                  if (report.ok()) last = *report;
                                });
  }
  int readings = 0;
  bool failed = false;
  IngestReport last;
};

TEST(Folder, IsReadAgainWhenItsTimeIsOver) {
  Opened fixture;
  const testing::TemporaryFolder docs;
  docs.write("a.md", "alpha stays");
  docs.write("b.md", "beta changes");
  Kept kept(fixture, docs, std::chrono::minutes(10));
  fixture.simulation.run_for(std::chrono::minutes(1));
  EXPECT_EQ(kept.readings, 1);
  const SourceInfo first = fixture.memory->sources(kAll)->at(0);
  ASSERT_TRUE(first.checked && first.fresh_until);
  EXPECT_EQ(*first.fresh_until - *first.checked, std::chrono::minutes(10));

  docs.write("b.md", "beta has changed");
  fixture.simulation.run_for(std::chrono::minutes(10));
  EXPECT_EQ(kept.readings, 2);
  EXPECT_EQ(kept.last.unchanged, 1);
  EXPECT_EQ(kept.last.changed, 1);
  const SourceInfo again = fixture.memory->sources(kAll)->at(0);
  EXPECT_GT(*again.fresh_until, *first.fresh_until) << "unchanged, and fresh for longer";
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(fixture.recalled("beta has changed"), Texts{"beta has changed"});
}

TEST(Folder, ThatIsGoneLeavesItsDocumentsMarkedUntilItIsBack) {
  Opened fixture;
  const testing::TemporaryFolder docs;
  docs.write("folder/a.md", "alpha stays");
  FolderSource source;
  source.scope = kAll;
  source.path = docs / "folder";
  source.collection = "docs";
  ASSERT_EQ(fixture.ingest(source).value().added, 1);
  std::filesystem::rename(docs / "folder", docs / "away");
  EXPECT_EQ(fixture.ingest(source).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fixture.memory->sources(kAll)->at(0).stale, "its folder cannot be read");
  RecallQuery query;
  query.scope = kAll;
  query.text = "alpha stays";
  const Recalled found = fixture.recall(query).value();
  ASSERT_EQ(found.hits.size(), 1U);
  EXPECT_NE(found.hits[0].source.citation().find("(stale: its folder cannot be read)"), std::string::npos);

  std::filesystem::rename(docs / "away", docs / "folder");
  EXPECT_EQ(fixture.ingest(source).value().unchanged, 1);
  EXPECT_EQ(fixture.memory->sources(kAll)->at(0).stale, "");
}

TEST(Folder, IsReadOnceWhereItHasNoTime) {
  Opened fixture;
  const testing::TemporaryFolder docs;
  docs.write("a.md", "alpha");
  Kept kept(fixture, docs, {});
  fixture.simulation.run_for(std::chrono::hours(100));
  EXPECT_EQ(kept.readings, 1);
  EXPECT_FALSE(fixture.memory->sources(kAll)->at(0).fresh_until);
}

}  // namespace
}  // namespace mnema
