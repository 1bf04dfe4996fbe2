#include "memory/index_keeper.hpp"

#include <gtest/gtest.h>

#include <future>

#include "memory/entry_store.hpp"
#include "memory/vector/snapshot_file.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/memory/rows.hpp"
#include "tests/memory/temporary_folder.hpp"
#include "tests/memory/vector/vectors.hpp"

namespace mnema {
namespace {

using testing::random_vector;

constexpr int kDimensions = 8;

/// Rows, the index that follows them, and its files, which outlive the process.
class Keeper : public testing::Rows {
 public:
  explicit Keeper(std::uint64_t seed = 1) : Rows(seed) { start(); }

  void start() {
    index = std::make_shared<IndexKeeper>(options, simulation.lane("background", Simulation::LaneKind::kAnyOrder));
    const Status loaded = checked([&](Transaction& transaction) { return index->load(transaction); });
    CHECK(loaded.ok(), loaded.ok() ? "" : loaded.error().text().c_str());
  }
  void die() {
    disk.crash(simulation.random());
    simulation.crash();
    index.reset();
    database.reset();
    simulation.crash();
  }
  void restart() {
    die();
    open_database();
    start();
  }

  void add(const std::string& tenant = "acme") {
    const std::vector<float> vector = random_vector(simulation.random(), kDimensions);
    const auto added = write<EntryId>([&](Transaction& transaction) -> Result<EntryId> {
      entry_store::NewEntry entry;
      ASSIGN_OR_RETURN(entry.where, scope_store::intern(transaction, {tenant, "", "", ""}));
      entry.text = "text";
      ASSIGN_OR_RETURN(const EntryId id, entry_store::add(transaction, entry));
      ASSIGN_OR_RETURN(const auto embedder,
                       vector_store::intern_embedder(transaction, options.embedder, options.dimensions));
      ASSIGN_OR_RETURN(const auto row, vector_store::add(transaction, id, embedder, vector, {}, draw()));
      transaction.after_commit([keep = index, added_row = *row] { keep->added(added_row); });
      return id;
    });
    entries.push_back(added.value());
  }
  void remove(EntryId entry, TenantId tenant = 1) {
    const auto removed = write<int>([&](Transaction& transaction) -> Result<int> {
      ASSIGN_OR_RETURN(const auto labels, entry_store::remove(transaction, tenant, entry, draw()));
      transaction.after_commit([keep = index, tenant, labels] { keep->removed(tenant, labels); });
      return 0;
    });
    ASSERT_TRUE(removed.ok()) << removed.error().text();
    std::erase(entries, entry);
  }

  Status save() { return index->save(*database); }
  Status integrity() {
    return checked([&](Transaction& transaction) { return index->check_integrity(transaction); });
  }
  /// Every row is the best answer to its own vector.
  void expect_finds_all(TenantId tenant = 1) {
    const auto rows = read<std::vector<vector_store::VectorRow>>(
        [&](Transaction& transaction) -> Result<std::vector<vector_store::VectorRow>> {
          std::vector<vector_store::VectorRow> all;
          RETURN_IF_ERROR(vector_store::each_vector(transaction, tenant, 1,
                                                    [&](const vector_store::VectorRow& row) { all.push_back(row); }));
          return all;
        });
    for (const vector_store::VectorRow& row : rows.value()) {
      const auto found = index->search(tenant, row.vector, 1, {}).matches;
      ASSERT_EQ(found.size(), 1U);
      EXPECT_EQ(found[0].label, row.label);
    }
  }
  [[nodiscard]] std::string file() const { return "index/tenant-1.vectors"; }

  testing::TemporaryFolder folder;
  IndexKeeper::Options options = [this] {
    IndexKeeper::Options made{folder / "index", "words/1", kDimensions, {}};
    made.index.exact_max = 16;
    made.index.graph = {8, 64};
    return made;
  }();
  std::shared_ptr<IndexKeeper> index;
  std::vector<EntryId> entries;

 private:
  Status checked(const std::function<Status(Transaction&)>& work) {
    const auto done = read<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(work(transaction));
      return 0;
    });
    return done.ok() ? Status() : Status(done.error());
  }
  std::int64_t draw() { return static_cast<std::int64_t>(simulation.random().next_u64() >> 1); }
};

/// An index of one tenant with a graph and a flat part, saved; then the process ends.
void fill_and_save(Keeper& keeper) {
  for (int i = 0; i < 30; ++i) keeper.add();
  keeper.simulation.run_ready();
  ASSERT_TRUE(keeper.save().ok());
}

TEST(IndexKeeper, FollowsTheRows) {
  Keeper keeper;
  for (int i = 0; i < 30; ++i) keeper.add();
  keeper.remove(keeper.entries[3]);
  keeper.simulation.run_ready();
  EXPECT_TRUE(keeper.integrity().ok());
  keeper.expect_finds_all();
  EXPECT_GT(keeper.index->memory_bytes(), 0);
}

TEST(IndexKeeper, KeepsTenantsApart) {
  Keeper keeper;
  keeper.add("acme");
  keeper.add("other");
  keeper.simulation.run_ready();
  const std::vector<float> anything(kDimensions, 0.3F);
  for (const TenantId tenant : {1, 2}) EXPECT_EQ(keeper.index->search(tenant, anything, 10, {}).matches.size(), 1U);
  EXPECT_TRUE(keeper.index->search(3, anything, 10, {}).matches.empty());
}

TEST(IndexKeeper, ReadsItsFileInsteadOfMakingTheIndexAgain) {
  Keeper keeper;
  fill_and_save(keeper);
  keeper.restart();
  EXPECT_EQ(keeper.index->rebuilds(), 0);
  EXPECT_TRUE(keeper.integrity().ok());
  keeper.expect_finds_all();
}

TEST(IndexKeeper, CatchesUpWithWhatHappenedAfterTheFile) {
  Keeper keeper;
  fill_and_save(keeper);
  for (int i = 0; i < 10; ++i) keeper.add();
  for (int i = 0; i < 5; ++i) keeper.remove(keeper.entries[static_cast<std::size_t>(i)]);
  keeper.restart();
  EXPECT_EQ(keeper.index->rebuilds(), 0);
  EXPECT_TRUE(keeper.integrity().ok());
  keeper.expect_finds_all();
}

TEST(IndexKeeper, MakesTheIndexAgainWhenItsFileIsDamaged) {
  Keeper keeper;
  fill_and_save(keeper);
  const std::string whole = keeper.folder.read(keeper.file());
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 1);
  std::string newer = whole;
  newer[8] = 9;
  const Sha256Digest digest = sha256({newer.data(), newer.size() - 32});
  std::copy(digest.begin(), digest.end(), newer.end() - 32);
  for (const std::string& bytes : {whole.substr(0, whole.size() / 2), std::string(), flipped, newer,
                                   std::string("something else altogether, and not short at all")}) {
    keeper.folder.write(keeper.file(), bytes);
    keeper.restart();
    EXPECT_EQ(keeper.index->rebuilds(), 1);
    EXPECT_TRUE(keeper.integrity().ok());
    keeper.expect_finds_all();
    keeper.simulation.run_ready();
    EXPECT_TRUE(keeper.save().ok());
    keeper.restart();
    EXPECT_EQ(keeper.index->rebuilds(), 0) << "the new file is good";
  }
}

// A rebuilt index is one long list; it may not stay one until somebody happens to add a vector.
TEST(IndexKeeper, MovesARebuiltIndexIntoItsGraphs) {
  Keeper keeper;
  fill_and_save(keeper);
  keeper.folder.write(keeper.file(), "damaged");
  keeper.restart();
  keeper.simulation.run_ready();
  EXPECT_FALSE(keeper.index->search(1, std::vector<float>(kDimensions, 0.3F), 1, {}).exact);
  keeper.expect_finds_all();
}

TEST(IndexKeeper, MakesTheIndexAgainWhenItsFileIsOfAnotherDatabase) {
  Keeper other(1);
  fill_and_save(other);
  Keeper keeper(2);
  fill_and_save(keeper);
  keeper.folder.write(keeper.file(), other.folder.read(other.file()));
  keeper.restart();
  EXPECT_EQ(keeper.index->rebuilds(), 1);
  keeper.expect_finds_all();
}

TEST(IndexKeeper, MakesTheIndexAgainWhenItsFileIsOfAnotherTenant) {
  Keeper keeper;
  keeper.add("acme");
  keeper.add("other");
  keeper.simulation.run_ready();
  ASSERT_TRUE(keeper.save().ok());
  keeper.folder.write("index/tenant-2.vectors", keeper.folder.read(keeper.file()));
  keeper.restart();
  EXPECT_EQ(keeper.index->rebuilds(), 1);
  EXPECT_TRUE(keeper.integrity().ok());
}

TEST(IndexKeeper, DoesNotTakeTheVectorsOfAnotherEmbedder) {
  Keeper keeper;
  fill_and_save(keeper);
  keeper.options.embedder = "words/2";
  keeper.restart();
  keeper.add();
  keeper.simulation.run_ready();
  EXPECT_EQ(keeper.index->search(1, std::vector<float>(kDimensions, 0.3F), 100, {}).matches.size(), 1U);
  EXPECT_TRUE(keeper.integrity().ok());
  keeper.options.embedder = "words/1";
  keeper.restart();
  EXPECT_TRUE(keeper.integrity().ok());
  EXPECT_EQ(keeper.index->search(1, std::vector<float>(kDimensions, 0.3F), 100, {}).matches.size(), 30U);
}

// A backup is put back and lives on another way: the same numbers now name other vectors.
TEST(IndexKeeper, DoesNotTakeAFileOfAHistoryThatWasLeft) {
  Keeper keeper;
  for (int i = 0; i < 10; ++i) keeper.add();
  ASSERT_TRUE(keeper.database->backup_to("/backup.db").ok());
  for (int i = 0; i < 10; ++i) keeper.add();
  keeper.simulation.run_ready();
  ASSERT_TRUE(keeper.save().ok());
  const std::string backup = keeper.disk.contents("/backup.db");
  keeper.die();
  keeper.disk.plant("/mnema.db", backup);
  keeper.disk.plant("/mnema.db-wal", "");
  for (const int more : {0, 10, 5}) {
    keeper.open_database();
    keeper.start();
    EXPECT_EQ(keeper.index->rebuilds(), 1);
    EXPECT_TRUE(keeper.integrity().ok());
    keeper.expect_finds_all();
    for (int i = 0; i < more; ++i) keeper.add();
    keeper.die();
  }
}

TEST(IndexKeeper, IsInStepWithTheRowsWhateverDiesWhen) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Keeper keeper(seed);
    Random& random = keeper.simulation.random();
    for (int life = 0; life < 5; ++life) {
      for (std::uint64_t acts = random.below(40); acts > 0; --acts) {
        const std::uint64_t act = random.below(10);
        if (act < 6 || keeper.entries.empty()) {
          keeper.add();
        } else if (act < 9) {
          keeper.remove(keeper.entries[random.below(keeper.entries.size())]);
        } else {
          for (std::uint64_t steps = random.below(20); steps > 0; --steps) keeper.simulation.run_one();
          EXPECT_TRUE(keeper.save().ok());
        }
      }
      keeper.restart();
      const Status same = keeper.integrity();
      ASSERT_TRUE(same.ok()) << "seed " << seed << ": " << same.error().text();
      keeper.expect_finds_all();
      if (::testing::Test::HasFailure()) FAIL() << "seed " << seed;
    }
  }
}

struct Killed {};

TEST(IndexKeeper, IsInStepWithTheRowsWhereverASaveDies) {
  for (const std::string_view death : {"written", "synced", "renamed", "folder synced"}) {
    Keeper keeper;
    fill_and_save(keeper);
    for (int i = 0; i < 10; ++i) keeper.add();
    keeper.remove(keeper.entries.front());
    keeper.simulation.run_ready();
    const auto save_and_die = [&] {
      return keeper.index->save(*keeper.database, [&](std::string_view step) {
        if (step == death) throw Killed();
      });
    };
    EXPECT_THROW((void)save_and_die(), Killed);
    keeper.restart();
    EXPECT_EQ(keeper.index->rebuilds(), 0) << death;
    EXPECT_TRUE(keeper.integrity().ok()) << death;
    keeper.expect_finds_all();
  }
}

TEST(IndexKeeper, MissesTheChangeThatItsSnapshotNames) {
  Keeper keeper;
  fill_and_save(keeper);
  ASSERT_TRUE(keeper.integrity().ok());
  keeper.execute("DELETE FROM memory_vector_changes WHERE change_id = 30");
  EXPECT_EQ(keeper.integrity().error().code, ErrorCode::kCorrupt);
}

TEST(IndexKeeper, SavesAgainWhatCouldNotBeSaved) {
  Keeper keeper;
  for (int i = 0; i < 30; ++i) keeper.add();
  keeper.simulation.run_ready();
  keeper.folder.write("index", "a file in the way of the folder");
  const Status refused = keeper.save();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorage);
  std::filesystem::remove(keeper.options.folder);
  std::filesystem::create_directories(keeper.folder / (keeper.file() + ".tmp"));  // in the way of the file
  EXPECT_FALSE(keeper.save().ok());
  std::filesystem::remove(keeper.folder / (keeper.file() + ".tmp"));
  EXPECT_TRUE(keeper.save().ok());
  keeper.restart();
  EXPECT_EQ(keeper.index->rebuilds(), 0);
}

TEST(IndexKeeper, SavesAWholeIndexWhileVectorsComeIn) {
  Keeper keeper;
  keeper.add();
  keeper.simulation.run_ready();
  ThreadPoolExecutor pool("background", 2);
  const auto busy = std::make_shared<IndexKeeper>(keeper.options, pool);
  SeededRandom random(1);
  for (VectorLabel label = 1; label <= 2'000; ++label) {
    busy->added({label, label, 1, 1, random_vector(random, kDimensions)});
    if (label % 100 != 0) continue;
    ASSERT_TRUE(busy->save(*keeper.database).ok());
    const Result<Snapshot> snapshot = read_snapshot(keeper.folder / keeper.file(), keeper.options.index);
    if (snapshot.ok()) snapshot->index->check_integrity();
    EXPECT_TRUE(snapshot.ok() || snapshot.error().code == ErrorCode::kNotFound) << snapshot.error().text();
  }
  // The strand's work holds the keeper, and stopping the pool drops what it has not come to.
  for (int i = 0; i < 100; ++i) {
    std::promise<void> applied;
    busy->when_applied([&] { applied.set_value(); });
    applied.get_future().wait();
  }
  pool.stop();
}

TEST(IndexKeeper, SaysThatARowIsBrokenInsteadOfFallingOverIt) {
  Keeper keeper;
  keeper.add();
  keeper.execute("UPDATE memory_vectors SET vector = x'0000'");
  keeper.index = std::make_shared<IndexKeeper>(keeper.options, keeper.simulation.lane("background"));
  const auto loaded = keeper.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(keeper.index->load(transaction));
    return 0;
  });
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().code, ErrorCode::kCorrupt);
}

TEST(IndexKeeper, SeesThatAVectorIsMissingOrTooMany) {
  Keeper keeper;
  for (int i = 0; i < 3; ++i) keeper.add();
  keeper.simulation.run_ready();
  EXPECT_TRUE(keeper.integrity().ok());
  keeper.execute("DELETE FROM memory_vectors WHERE vector_id = 2");
  const Status differs = keeper.integrity();
  ASSERT_FALSE(differs.ok());
  EXPECT_EQ(differs.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
