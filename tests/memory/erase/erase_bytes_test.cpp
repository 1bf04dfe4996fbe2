#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <future>
#include <random>
#include <set>

#include "memory/erase/eraser.hpp"
#include "memory/store.hpp"
#include "memory/vector/codec.hpp"
#include "memory/vector/snapshot_file.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/store/read_pool.hpp"
#include "tests/memory/temporary_folder.hpp"
#include "tests/memory/word_embedder.hpp"

// Whether a byte of what was erased is left in any file of a real data folder.

namespace mnema {
namespace {

using testing::TemporaryFolder;
using testing::WordEmbedder;

const Scope kAnna{"local", "", "anna", ""};
const Scope kBert{"local", "", "bert", ""};

class Folder {
 public:
  Folder() {
    Database::Options options;
    options.path = folder / "mnema.db";
    options.checkpoint_interval = std::chrono::milliseconds(20);
    database = std::move(Database::open(std::move(options), memory_migrations(), store, clock).value());
    open();
  }
  ~Folder() {
    close();
    background.stop();
    queries.stop();
    database->close();
    store.stop();
  }
  void open() {
    MemoryStore::Options options;
    options.index_folder = folder / "indexes";
    options.limits.exact_search_vectors_max = 64;  // so that there are graphs
    memory = std::move(
        MemoryStore::open(*database, embedder, {queries, background}, clock, random, std::move(options)).value());
    memory->start_erasures({});
  }
  void close() {
    if (memory) memory->close();
    memory.reset();
  }
  template <class T>
  Result<T> wait(const std::function<void(std::function<void(Result<T>)>)>& start) {
    std::promise<Result<T>> done;
    start([&done](Result<T> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  EpisodeId say(const Scope& scope, const std::string& text) {
    Episode episode;
    episode.scope = scope;
    episode.thread = "talk of " + scope.user;
    episode.role = "user";
    episode.text = text;
    episode.time = clock.now();
    episode.trust = Trust::kUser;
    return database
        ->write_and_wait<EpisodeId>(
            [&](Transaction& transaction) { return memory->append_episode(transaction, episode); })
        .value();
  }
  Status ingest(Document document) {
    const auto done = wait<IngestReport>(
        [&](auto answer) { memory->ingest_document(std::move(document), queries, std::move(answer)); });
    return done.ok() ? Status() : Status(done.error());
  }
  void settle() {
    ASSERT_TRUE(wait<std::int64_t>([&](auto done) { memory->when_embedded(queries, std::move(done)); }).ok());
    ASSERT_TRUE(wait<void>([&](auto done) { memory->when_consolidated(queries, std::move(done)); }).ok());
  }
  Result<Erasure> erase(EraseTarget target) {
    const auto requested =
        wait<Erasure>([&](auto done) { memory->eraser().request(std::move(target), queries, std::move(done)); });
    if (!requested.ok()) return requested.error();
    return wait<Erasure>([&](auto done) { memory->eraser().when_finished(requested->id, queries, std::move(done)); });
  }
  std::vector<std::string> recalled(const Scope& scope, const std::string& question) {
    RecallQuery query;
    query.scope = scope;
    query.text = question;
    std::vector<std::string> texts;
    const auto answer = wait<Recalled>([&](auto done) { memory->recall(query, queries, std::move(done)); });
    for (const RecallHit& hit : answer.value().hits) texts.push_back(hit.text);
    return texts;
  }
  /// Names of files that hold any of these bytes.
  std::set<std::string> files_with(const std::vector<std::string>& all) const {
    std::set<std::string> found;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
      if (!file.is_regular_file()) continue;
      const std::string name = std::filesystem::relative(file.path(), folder.path()).string();
      const std::string bytes = folder.read(name);
      for (const std::string& one : all) {
        if (bytes.find(one) != std::string::npos) found.insert(name);
      }
    }
    return found;
  }
  /// Terms of the text index that begin so.
  std::int64_t terms_with(const std::string& beginning) {
    SqliteConnectionOnDisk connection(folder / "mnema.db");
    return connection.number("SELECT count(*) FROM temp.words WHERE term LIKE '" + beginning + "%'");
  }

  struct SqliteConnectionOnDisk {
    explicit SqliteConnectionOnDisk(const std::string& path)
        : connection(std::move(SqliteConnection::open(path, SqliteConnection::Mode::kReadOnly, "").value())) {
      CHECK(connection->execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, memory_text_1, row)").ok(), "");
    }
    std::int64_t number(const std::string& sql) {
      Statement select = connection->prepare(sql).value();
      return select.step().value() ? select.integer(0) : -1;
    }
    std::unique_ptr<SqliteConnection> connection;
  };

  SystemClock clock;
  SystemRandom random;
  TemporaryFolder folder;
  WordEmbedder embedder;
  ThreadPoolExecutor store{"store", 1};
  ThreadPoolExecutor background{"background", 1};
  ThreadPoolExecutor queries{"queries", 1};
  std::unique_ptr<Database> database;
  std::unique_ptr<MemoryStore> memory;
};

/// A word that nobody else says.
std::string secret(int number) { return "xqsecret" + std::to_string(1'000'000 + number * 37); }

std::string text_with(const std::string& word, int words, std::mt19937_64& draw) {
  std::string text = "I live in Hamburg, and " + word;
  for (int i = 0; i < words; ++i) {
    text += " " + word + std::to_string(draw() % 1000);
  }
  return text + ".";
}

std::string bytes_of(const std::vector<float>& vector) {
  std::string bytes(vector.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), vector.data(), bytes.size());
  return bytes.substr(0, 64);
}

TEST(Eraser, LeavesNoByteOfWhatItErasedInAnyFile) {
  Folder folder;
  std::mt19937_64 draw(7);
  std::vector<std::string> annas;    // bytes that nobody else has
  std::vector<std::string> vectors;  // likewise
  for (int i = 0; i < 250; ++i) {
    // From a few bytes to several pages, so that pages are split, and cells move.
    const int words = i % 10 == 0 ? 400 : static_cast<int>(draw() % 30);
    folder.say(kAnna, text_with(secret(i), words, draw));
    annas.push_back(secret(i));
    folder.say(kBert, text_with("bertword" + std::to_string(i), static_cast<int>(draw() % 30), draw));
  }
  Document notes;
  notes.scope = kAnna;
  notes.uri = "notes-" + secret(900) + ".md";
  notes.media_type = MediaType::kMarkdown;
  notes.bytes = "# " + secret(901) + "\n\nThe " + secret(902) + " has stripes.\n";
  ASSERT_TRUE(folder.ingest(notes).ok());
  for (const int i : {900, 901, 902}) annas.push_back(secret(i));
  folder.settle();
  ASSERT_TRUE(folder.memory->save_indexes().ok());
  const auto rows = folder.database->read<int>([&](Transaction& transaction) -> Result<int> {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT vector FROM memory_vectors JOIN memory_scopes"
                                                           " USING (scope_id) WHERE user = 'anna'"));
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) return 0;
      const std::string_view blob = select.blob_view(0);
      std::vector<float> vector(blob.size() / sizeof(float));
      std::memcpy(vector.data(), blob.data(), blob.size());
      vectors.push_back(bytes_of(vector));
      const VectorCodec codec(static_cast<int>(vector.size()));
      std::vector<std::byte> record(codec.record_bytes());
      codec.encode(vector, 0, record.data());
      vectors.emplace_back(reinterpret_cast<const char*>(record.data()) + record.size() / 2, 48);
    }
  });
  ASSERT_TRUE(rows.ok());
  const std::vector<std::string> berts = folder.recalled(kBert, "What is bertword17?");
  ASSERT_FALSE(berts.empty());
  // The search finds what is there: else it would find nothing later, whatever is there.
  EXPECT_FALSE(folder.files_with(annas).empty());
  EXPECT_TRUE(folder.files_with(vectors).contains("indexes/tenant-1.vectors"));
  EXPECT_GT(folder.terms_with("xqsecret"), 200);

  const Result<Erasure> receipt = folder.erase({kAnna});
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->counts.at("episodes"), 250);
  EXPECT_EQ(folder.files_with(annas), std::set<std::string>());
  EXPECT_EQ(folder.files_with(vectors), std::set<std::string>());
  EXPECT_EQ(folder.terms_with("xqsecret"), 0);
  EXPECT_EQ(folder.recalled(kBert, "What is bertword17?"), berts);
  EXPECT_TRUE(folder.recalled(kAnna, "Where do I live?").empty());
  const Status whole = folder.memory->check_integrity();
  EXPECT_TRUE(whole.ok()) << whole.error().text();
  folder.close();
  EXPECT_EQ(folder.files_with(vectors), std::set<std::string>()) << "what is written at the end has none of it either";
  folder.open();
  EXPECT_EQ(folder.recalled(kBert, "What is bertword17?"), berts);
}

TEST(Eraser, WaitsForWhoReadsAnOlderStateOfTheFile) {
  Folder folder;
  folder.say(kAnna, "I live in " + secret(1) + ".");
  folder.settle();
  Result<Erasure> requested = fail(ErrorCode::kInternal, "not asked");
  ReadPool readers(folder.folder / "mnema.db", "", 1);
  const Status read = readers.read([&](Transaction& older) -> Status {
    Statement select = older.prepare("SELECT count(*) FROM memory_entries").value();
    EXPECT_TRUE(select.step().value());
    requested = folder.wait<Erasure>(
        [&](auto done) { folder.memory->eraser().request({kAnna}, folder.queries, std::move(done)); });
    for (int i = 0; i < 500; ++i) {
      const Erasure now = folder.memory->eraser().find(requested->id, "").value();
      if (!now.pending.empty()) break;
      usleep(10'000);
    }
    const Erasure now = folder.memory->eraser().find(requested->id, "").value();
    EXPECT_FALSE(now.finished);
    EXPECT_EQ(now.pending, std::vector<std::string>{"somebody reads an older state of the data file"});
    return {};
  });
  ASSERT_TRUE(read.ok());
  const auto receipt = folder.wait<Erasure>(
      [&](auto done) { folder.memory->eraser().when_finished(requested->id, folder.queries, std::move(done)); });
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(folder.files_with({secret(1)}), std::set<std::string>());
}

}  // namespace
}  // namespace mnema
