#include "runtime/store/database.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/random.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "runtime/store/checksum_vfs.hpp"

namespace mnema {
namespace {

const std::vector<Migration> kSchema = {{"test", 1, "CREATE TABLE t (n INTEGER PRIMARY KEY)"}};

Status insert(Transaction& transaction, int number) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("INSERT INTO t VALUES (?)"));
  return statement.bind(1, number).run();
}

/// On one thread, over a disk that loses power.
class DatabaseTest : public ::testing::Test {
 protected:
  ~DatabaseTest() override { power_cut(); }
  Status open(const std::vector<Migration>& migrations = kSchema) {
    options.path = "test.db";
    options.vfs = disk.name();
    Result<std::unique_ptr<Database>> opened = Database::open(options, migrations, store, simulation.clock());
    if (!opened.ok()) return opened.error();
    database = std::move(*opened);
    return {};
  }
  void power_cut() {
    disk.crash(simulation.random());
    simulation.crash();
    database.reset();
    simulation.crash();
  }
  void queue(int number, WritePriority priority = WritePriority::kForeground) {
    database->write<void>(
        priority, [number](Transaction& transaction) { return insert(transaction, number); }, loop,
        [this, number](const Status& status) {
          if (status.ok()) answered.push_back(number);
          last = status;
        });
  }
  std::vector<int> rows() {
    const auto read = database->read<std::vector<int>>([](Transaction& transaction) -> Result<std::vector<int>> {
      std::vector<int> numbers;
      ASSIGN_OR_RETURN(Statement statement, transaction.prepare("SELECT n FROM t ORDER BY n"));
      for (;;) {
        ASSIGN_OR_RETURN(const bool row, statement.step());
        if (!row) return numbers;
        numbers.push_back(static_cast<int>(statement.integer(0)));
      }
    });
    EXPECT_TRUE(read.ok()) << read.error().text();
    return read.ok() ? *read : std::vector<int>();
  }

  Simulation simulation{1};
  FaultVfs disk{1};
  Executor& store = simulation.lane("store");
  Executor& loop = simulation.lane("loop");
  Database::Options options;
  std::unique_ptr<Database> database;
  std::vector<int> answered;
  Status last;
};

TEST_F(DatabaseTest, CommitsWhatIsQueuedInOneGroupAndRollsAFailedUnitBackAlone) {
  ASSERT_TRUE(open().ok());
  std::vector<int> hooks;
  const auto unit = [&](int number, std::function<Status()> end) {
    database->write<void>(
        WritePriority::kForeground,
        [&hooks, number, end](Transaction& transaction) -> Status {
          transaction.after_commit([&hooks, number] { hooks.push_back(number); });
          RETURN_IF_ERROR(insert(transaction, number));
          return end();
        },
        loop, [this](const Status& status) { last = status; });
  };
  unit(1, [] { return Status(); });
  unit(2, [] { return Status(fail(ErrorCode::kNotFound, "changed its mind")); });
  unit(3, []() -> Status { throw std::runtime_error("out of luck"); });
  unit(4, [] { return Status(); });
  const long long groups = database->statistics().groups_committed;
  simulation.run_ready();
  EXPECT_EQ(rows(), (std::vector<int>{1, 4}));
  EXPECT_EQ(hooks, (std::vector<int>{1, 4})) << "an index in memory follows only what is committed";
  EXPECT_EQ(database->statistics().groups_committed, groups + 1) << "one fsync for all of them";
  EXPECT_EQ(database->statistics().units_failed, 2);
  database->check_integrity();
}

TEST_F(DatabaseTest, AnswersOnlyWhatSurvivesAPowerCut) {
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(open().ok()) << "round " << round;
    const std::vector<int> there = rows();
    for (const int number : answered) EXPECT_TRUE(std::count(there.begin(), there.end(), number)) << number;
    for (int i = 0; i < 5; ++i) {
      queue(round * 10 + i);
      for (std::uint64_t steps = simulation.random().below(3); steps > 0; --steps) simulation.run_one();
    }
    if (simulation.random().below(3) == 0) simulation.run_for(std::chrono::seconds(10));  // a checkpoint
    power_cut();
  }
  EXPECT_GT(answered.size(), 60U);
}

TEST_F(DatabaseTest, AnswersWithAnErrorWhatTheDiskDidNotTake) {
  ASSERT_TRUE(open().ok());
  disk.fail(FaultVfs::Operation::kSync, 0);
  queue(1);
  queue(2);
  simulation.run_ready();
  EXPECT_TRUE(answered.empty());
  EXPECT_EQ(last.error().code, ErrorCode::kStorage);
  EXPECT_TRUE(last.error().retryable);
  queue(1);
  simulation.run_ready();
  EXPECT_EQ(answered, std::vector<int>{1});
  power_cut();
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(rows(), std::vector<int>{1});
}

TEST_F(DatabaseTest, BeginsItsLogAnewInTheSameFileUnderLoadAndCutsItInAQuietMoment) {
  options.wal_pages_max = 1'500;
  ASSERT_TRUE(open({{"test", 1, "CREATE TABLE t (n INTEGER PRIMARY KEY, bytes BLOB)"}}).ok());
  constexpr int kPages = 100, kPageBytes = 4'096;
  std::size_t longest = 0, shortest = std::string::npos;
  for (int i = 0; i < 100; ++i) {
    database->write<void>(
        WritePriority::kForeground,
        [](Transaction& transaction) -> Status {
          ASSIGN_OR_RETURN(Statement fill, transaction.prepare("INSERT OR REPLACE INTO t VALUES (1, zeroblob(?))"));
          return fill.bind(1, kPages * kPageBytes).run();
        },
        loop, [](const Status& written) { EXPECT_TRUE(written.ok()); });
    simulation.run_for(std::chrono::milliseconds(20));
    const std::size_t bytes = disk.contents("test.db-wal").size();
    longest = std::max(longest, bytes);
    if (i >= 20) shortest = std::min(shortest, bytes);
  }
  EXPECT_LT(longest, std::size_t{2'000} * kPageBytes) << "it is bounded";
  EXPECT_EQ(shortest, longest) << "nobody waited for its file to be cut";
  simulation.run_for(std::chrono::seconds(20));
  EXPECT_EQ(disk.contents("test.db-wal").size(), 0U);
}

TEST_F(DatabaseTest, GivesBackgroundWorkItsTurnUnderForegroundLoad) {
  options.group_units_max = 1;
  ASSERT_TRUE(open().ok());
  queue(1000, WritePriority::kBackground);
  for (int i = 0; i < 50; ++i) queue(i);
  simulation.run_ready();
  ASSERT_EQ(answered.size(), 51U);
  const auto place = std::find(answered.begin(), answered.end(), 1000) - answered.begin();
  EXPECT_GT(place, 0) << "foreground goes first";
  EXPECT_LT(place, 12) << "but not for ever";
}

TEST_F(DatabaseTest, CommitsWhatIsQueuedWhenItIsClosedAndTakesNothingAfterwards) {
  ASSERT_TRUE(open().ok());
  queue(1);
  database->close();
  queue(2);
  simulation.run_ready();
  EXPECT_EQ(answered, std::vector<int>{1});
  EXPECT_EQ(last.error().code, ErrorCode::kFailedPrecondition);
  power_cut();
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(rows(), std::vector<int>{1});
}

TEST_F(DatabaseTest, IsClosedHoweverMuchIsSentWhileItCloses) {
  ASSERT_TRUE(open().ok());
  // On an executor that runs at once, as a loop that is as fast as the store.
  class AtOnce final : public Executor {
   public:
    void post(std::function<void()> work) override { work(); }
    void post_after(Duration, std::function<void()> work) override { work(); }
  } at_once;
  int asked = 0;
  std::function<void()> ask = [&] {
    if (++asked == 10'000) return;
    database->write<void>(
        WritePriority::kForeground, [](Transaction&) { return Status(); }, at_once,
        [&](const Status& status) {
          if (status.ok()) ask();
        });
  };
  ask();
  database->close();
  EXPECT_LT(asked, 10);
  database->check_integrity();
}

TEST_F(DatabaseTest, IsClosedWithoutWaitingForEachUnitThatCannotBegin) {
  ASSERT_TRUE(open().ok());
  for (int i = 0; i < 100; ++i) queue(i);
  const auto other = SqliteConnection::open("test.db", SqliteConnection::Mode::kReadWriteCreate, disk.name());
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE").ok());
  const Time before = simulation.clock().now();
  database->close();
  simulation.run_ready();
  EXPECT_TRUE(answered.empty());
  EXPECT_EQ(last.error().code, ErrorCode::kStorage);
  EXPECT_EQ(simulation.clock().now(), before);
  database->check_integrity();
}

TEST_F(DatabaseTest, GoesOnFromTheLastMigrationItHad) {
  ASSERT_TRUE(open().ok());
  queue(1);
  simulation.run_ready();
  power_cut();
  std::vector<Migration> later = kSchema;
  later.push_back({"test", 2, "ALTER TABLE t ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"});
  later.push_back({"other", 1, "CREATE TABLE other (n)"});
  ASSERT_TRUE(open(later).ok());
  power_cut();
  ASSERT_TRUE(open(later).ok()) << "nothing is applied twice";
  EXPECT_EQ(rows(), std::vector<int>{1});
}

TEST_F(DatabaseTest, RefusesAFileOfANewerVersionAndLeavesItAsItWas) {
  std::vector<Migration> newer = kSchema;
  newer.push_back({"test", 2, "CREATE TABLE two (n)"});
  ASSERT_TRUE(open(newer).ok());
  power_cut();
  std::vector<Migration> older = kSchema;
  older.push_back({"other", 1, "CREATE TABLE other (n)"});
  const Status refused = open(older);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("'test' is at version 2, this program knows 1"), std::string::npos)
      << refused.error().message;
  std::vector<Migration> both = newer;
  both.push_back({"other", 1, "CREATE TABLE other (n)"});
  EXPECT_TRUE(open(both).ok()) << "the refused attempt has not made the table";
}

TEST_F(DatabaseTest, UndoesAMigrationThatFails) {
  std::vector<Migration> broken = kSchema;
  broken.push_back({"test", 2, "CREATE TABLE two (n); INSERT INTO nowhere VALUES (1)"});
  const Status failed = open(broken);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().message.find("migration 2 of 'test'"), std::string::npos) << failed.error().message;
  EXPECT_TRUE(open().ok()) << "the first one stands";
}

TEST_F(DatabaseTest, RefusesWhatIsNotItsOwnFile) {
  disk.plant("test.db", std::string(4096, 'x'));
  EXPECT_EQ(open().error().code, ErrorCode::kCorrupt);
  disk.plant("test.db", "");
  {
    const auto other = SqliteConnection::open("test.db", SqliteConnection::Mode::kReadWriteCreate, disk.name());
    ASSERT_TRUE((*other)->execute("CREATE TABLE mine (n)").ok());
  }
  const std::string before = disk.contents("test.db");
  const Status refused = open();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(disk.contents("test.db"), before) << "nothing of it is changed";
  EXPECT_NE(refused.error().message.find("another program"), std::string::npos) << refused.error().message;
}

TEST_F(DatabaseTest, IsBackedUpWhileItIsInUse) {
  ASSERT_TRUE(open().ok());
  queue(1);
  simulation.run_ready();
  ASSERT_TRUE(database->backup_to("copy.db").ok());
  const auto copy = SqliteConnection::open("copy.db", SqliteConnection::Mode::kReadOnly, disk.name());
  ASSERT_TRUE(copy.ok()) << copy.error().text();
  Result<Statement> statement = (*copy)->prepare("SELECT n FROM t");
  ASSERT_TRUE(statement.ok());
  ASSERT_TRUE(*statement->step());
  EXPECT_EQ(statement->integer(0), 1);
}

TEST_F(DatabaseTest, HasItsChecksumsInABackupLargerThanTheCache) {
  ASSERT_TRUE(open().ok());
  database->write<void>(
      WritePriority::kForeground,
      [](Transaction& transaction) {
        return transaction.connection().execute(
            "CREATE TABLE large (bytes); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < "
            "3000) "
            "INSERT INTO large SELECT randomblob(3000) FROM c");
      },
      loop, [this](const Status& status) { last = status; });
  simulation.run_ready();
  ASSERT_TRUE(last.ok()) << last.error().text();
  ASSERT_TRUE(database->backup_to("copy.db").ok());
  const auto copy = SqliteConnection::open("copy.db", SqliteConnection::Mode::kReadOnly, disk.name());
  ASSERT_TRUE(copy.ok()) << copy.error().text();
  const Status whole = verify_pages((*copy)->handle(), "copy.db");
  EXPECT_TRUE(whole.ok()) << whole.error().text();
  std::string damaged = disk.contents("copy.db");
  damaged[5'000'000] = static_cast<char>(damaged[5'000'000] ^ 1);
  disk.plant("copy.db", damaged);
  const auto again = SqliteConnection::open("copy.db", SqliteConnection::Mode::kReadOnly, disk.name());
  ASSERT_TRUE(again.ok()) << again.error().text();
  EXPECT_FALSE(verify_pages((*again)->handle(), "copy.db").ok());
}

TEST(DatabaseFile, BelongsToOneProcessAtATime) {
  SystemRandom random;
  const auto folder = std::filesystem::temp_directory_path() / ("mnema_database_" + random.uuid());
  std::filesystem::create_directories(folder);
  const SystemClock clock;
  ThreadPoolExecutor store("store", 1);
  Database::Options options;
  options.path = folder / "mnema.db";
  auto first = Database::open(options, kSchema, store, clock);
  ASSERT_TRUE(first.ok()) << first.error().text();
  EXPECT_TRUE((*first)->write_and_wait<void>([](Transaction& transaction) { return insert(transaction, 1); }).ok());
  const auto second = Database::open(options, kSchema, store, clock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().message.find("in use by process"), std::string::npos) << second.error().message;
  (*first)->close();
  auto third = Database::open(options, kSchema, store, clock);
  EXPECT_TRUE(third.ok()) << third.error().text();
  if (third.ok()) (*third)->close();
  store.stop();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mnema
