// tests/memory/fixture.hpp
//
// The whole of memory on one thread, from a seed. Its database lies on a disk that forgets what was not synced, its
// index files in a folder of their own; both outlive the crashes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/store.hpp"
#include "tests/memory/rows.hpp"
#include "tests/memory/temporary_folder.hpp"
#include "tests/memory/word_embedder.hpp"

namespace mnema::testing {

/// Of the tenant: everybody's.
inline const Scope kAll{"local", "", "", ""};

inline Document document(const std::string& uri, const std::string& bytes) {
  Document made;
  made.scope = kAll;
  made.uri = uri;
  made.media_type = MediaType::kMarkdown;
  made.bytes = bytes;
  return made;
}

inline FolderSource source_of(const testing::TemporaryFolder& folder) {
  FolderSource source;
  source.scope = kAll;
  source.path = folder.path();
  source.collection = "docs";
  return source;
}

class Fixture : public Rows {
 public:
  explicit Fixture(std::uint64_t seed = 1) : Rows(seed), embedder(std::make_unique<WordEmbedder>()) {}
  ~Fixture() { crash(); }

  /// Starts memory over the disk and the files as they are.
  Status open() {
    if (!database) open_database();
    MemoryStore::Options options;
    if (keeps_snapshots) options.index_folder = folder / "index";
    options.language = language;
    options.limits = limits;
    options.erasing = erasing;
    options.procedures = procedure_limits;
    options.blocks = block_limits;
    auto opened = MemoryStore::open(*database, *embedder,
                                    {simulation.lane("queries", Simulation::LaneKind::kAnyOrder),
                                     simulation.lane("background", Simulation::LaneKind::kAnyOrder)},
                                    simulation.clock(), simulation.random(), options);
    if (!opened.ok()) return opened.error();
    memory = std::move(*opened);
    memory->start_erasures(other_parts);
    return {};
  }

  /// kill -9 and a power cut.
  void crash() {
    disk.crash(simulation.random());
    simulation.crash();
    memory.reset();
    database.reset();
    simulation.crash();
  }

  /// An orderly end; the embedder's unanswered work is dropped.
  void close() {
    memory->close();
    simulation.run_until_idle(std::chrono::seconds(1));
    memory.reset();
    database->close();
    database.reset();
    simulation.crash();
  }
  void reopen() {
    close();
    const Status opened = open();
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
  }

  /// Appends an episode and waits for its commit.
  EpisodeId remember(const std::string& text, const Scope& scope = {"local", "", "", "chat"}, Time time = {}) {
    Episode episode;
    episode.scope = scope;
    episode.thread = "thread";
    episode.role = "user";
    episode.text = text;
    episode.time = time == Time{} ? simulation.clock().now() : time;
    return remember(episode).value();
  }
  Result<EpisodeId> remember(const Episode& episode) {
    return write<EpisodeId>(
        [this, episode](Transaction& transaction) { return memory->append_episode(transaction, episode); });
  }

  Result<IngestReport> ingest(Document document) {
    return answered<IngestReport>([&](std::function<void(Result<IngestReport>)> on_done) {
      memory->ingest_document(std::move(document), simulation.lane("loop"), std::move(on_done));
    });
  }
  Result<IngestReport> ingest(FolderSource source) {
    return answered<IngestReport>([&](std::function<void(Result<IngestReport>)> on_done) {
      memory->ingest_folder(std::move(source), simulation.lane("loop"), {}, std::move(on_done));
    });
  }
  Status retire(const Scope& scope, const std::string& uri) {
    return answered<void>([&](std::function<void(Status)> on_done) {
      memory->retire_document(scope, uri, simulation.lane("loop"), std::move(on_done));
    });
  }

  Result<Recalled> recall(RecallQuery query) {
    return answered<Recalled>([&](std::function<void(Result<Recalled>)> on_done) {
      memory->recall(std::move(query), simulation.lane("loop"), std::move(on_done));
    });
  }
  /// The texts that a question brings back, best first.
  std::vector<std::string> recalled(const std::string& question, const Scope& scope = {"local", "", "", "chat"}) {
    RecallQuery query;
    query.scope = scope;
    query.text = question;
    std::vector<std::string> texts;
    const Result<Recalled> answer = recall(query);
    for (const RecallHit& hit : answer.value().hits) texts.push_back(hit.text);
    return texts;
  }

  /// Waits until every row has its vector or none for good; how many have none.
  Result<std::int64_t> embedded() {
    return answered<std::int64_t>([&](std::function<void(Result<std::int64_t>)> on_done) {
      memory->when_embedded(simulation.lane("loop"), std::move(on_done));
    });
  }

  /// Waits until the facts of every episode are there.
  Status consolidated() {
    return answered<void>([&](std::function<void(Status)> on_done) {
      memory->when_consolidated(simulation.lane("loop"), std::move(on_done));
    });
  }
  Result<Facts> facts(FactQuery query) {
    return answered<Facts>([&](std::function<void(Result<Facts>)> on_done) {
      memory->facts(std::move(query), simulation.lane("loop"), std::move(on_done));
    });
  }

  /// Requests it and waits for the receipt.
  Result<Erasure> erase(EraseTarget target) {
    const auto requested = request_erasure(std::move(target));
    if (!requested.ok()) return requested.error();
    return answered<Erasure>([&](std::function<void(Result<Erasure>)> on_done) {
      memory->eraser().when_finished(requested->id, simulation.lane("loop"), std::move(on_done));
    });
  }
  Result<Erasure> request_erasure(EraseTarget target) {
    return answered<Erasure>([&](std::function<void(Result<Erasure>)> on_done) {
      memory->eraser().request(std::move(target), simulation.lane("loop"), std::move(on_done));
    });
  }

  TemporaryFolder folder;
  std::unique_ptr<WordEmbedder> embedder;
  std::vector<ErasePart> other_parts;  // of erasures
  Eraser::Options erasing;
  std::string language = "english";
  bool keeps_snapshots = true;
  Limits limits;
  ProcedureLimits procedure_limits;
  BlockLimits block_limits;
  std::unique_ptr<MemoryStore> memory;
};

/// A world whose memory is open.
struct Opened : Fixture {
  explicit Opened(std::uint64_t seed = 1) : Fixture(seed) {
    const Status opened = open();
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
  }
  /// What a user says now.
  EpisodeId say(const Scope& scope, const std::string& thread, const std::string& text,
                const std::map<std::string, std::string>& attributes = {}) {
    Episode episode;
    episode.scope = scope;
    episode.thread = thread;
    episode.role = "user";
    episode.text = text;
    episode.time = simulation.clock().now();
    episode.trust = Trust::kUser;
    episode.attributes = attributes;
    return remember(episode).value();
  }
  void expect_whole() {
    ASSERT_TRUE(embedded().ok());
    const Status whole = memory->check_integrity();
    EXPECT_TRUE(whole.ok()) << whole.error().text();
  }
};

}  // namespace mnema::testing
