#include "runtime/sim/fault_vfs.hpp"

#include <gtest/gtest.h>

#include <set>

#include "runtime/store/sqlite.hpp"

namespace mnema {
namespace {

constexpr const char* kPath = "file.db";

std::unique_ptr<SqliteConnection> open(const FaultVfs& disk) {
  Result<std::unique_ptr<SqliteConnection>> opened =
      SqliteConnection::open(kPath, SqliteConnection::Mode::kReadWriteCreate, disk.name());
  CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
  return std::move(*opened);
}

std::int64_t count(SqliteConnection& connection) {
  Result<Statement> statement = connection.prepare("SELECT count(*) FROM t");
  if (!statement.ok()) return -1;  // the table has gone with the power
  const Result<bool> row = statement->step();
  return row.ok() && *row ? statement->integer(0) : -1;
}

TEST(FaultVfs, LosesUnsyncedWritesAndNeverSyncedOnes) {
  std::set<std::int64_t> survivors;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    FaultVfs disk(seed);
    SeededRandom random(seed);
    std::unique_ptr<SqliteConnection> connection = open(disk);
    ASSERT_TRUE(connection
                    ->execute("PRAGMA synchronous = EXTRA; PRAGMA journal_mode = WAL; CREATE TABLE t (n);"
                              "INSERT INTO t VALUES (1)")
                    .ok());
    ASSERT_TRUE(
        connection->execute("PRAGMA synchronous = OFF; INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)").ok());
    EXPECT_EQ(count(*connection), 3) << "a process reads what it wrote";
    EXPECT_GT(disk.unsynced_writes(), 0);
    disk.check_integrity();
    disk.crash(random);
    EXPECT_FALSE(connection->execute("INSERT INTO t VALUES (4)").ok()) << "the power is off";
    connection.reset();
    connection = open(disk);
    const std::int64_t rows = count(*connection);
    EXPECT_GE(rows, 1) << "seed " << seed << ": what was synced is there";
    survivors.insert(rows);
  }
  EXPECT_EQ(survivors, (std::set<std::int64_t>{1, 2, 3})) << "a disk keeps what it pleases of the rest";
}

TEST(FaultVfs, MayForgetAFileThatWasNeverSynced) {
  int gone = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FaultVfs disk(seed);
    SeededRandom random(seed);
    std::unique_ptr<SqliteConnection> connection = open(disk);
    ASSERT_TRUE(connection->execute("PRAGMA synchronous = OFF; CREATE TABLE t (n)").ok());
    disk.crash(random);
    connection.reset();
    gone += disk.contents(kPath).empty() ? 1 : 0;
  }
  EXPECT_GT(gone, 0);
}

TEST(FaultVfs, FailsWhenItIsToldTo) {
  FaultVfs disk(1);
  const std::unique_ptr<SqliteConnection> connection = open(disk);
  ASSERT_TRUE(connection->execute("CREATE TABLE t (n)").ok());
  for (const auto operation : {FaultVfs::Operation::kWrite, FaultVfs::Operation::kSync}) {
    disk.fail(operation, 0);
    EXPECT_EQ(connection->execute("INSERT INTO t VALUES (1)").error().code, ErrorCode::kStorage);
    disk.heal();
  }
  EXPECT_EQ(count(*connection), 0);
  EXPECT_TRUE(connection->execute("INSERT INTO t VALUES (1)").ok());
}

TEST(FaultVfs, IsFullAtItsCapacityAndWorksAgainWithMoreCapacity) {
  FaultVfs disk(1);
  const std::unique_ptr<SqliteConnection> connection = open(disk);
  ASSERT_TRUE(connection->execute("CREATE TABLE t (n)").ok());
  disk.set_capacity_bytes(20'000);
  const Status full = connection->execute("INSERT INTO t VALUES (zeroblob(100000))");
  ASSERT_FALSE(full.ok());
  EXPECT_TRUE(full.error().retryable);
  EXPECT_NE(full.error().hint.find("full"), std::string::npos);
  disk.set_capacity_bytes(-1);
  EXPECT_TRUE(connection->execute("INSERT INTO t VALUES (zeroblob(100000))").ok());
}

TEST(FaultVfs, GivesTheSameDiskForTheSameSeed) {
  const auto after_crash = [](std::uint64_t seed) {
    FaultVfs disk(1);
    SeededRandom random(seed);
    std::unique_ptr<SqliteConnection> connection = open(disk);
    CHECK(connection
              ->execute("CREATE TABLE t (n); INSERT INTO t VALUES (zeroblob(9000)); PRAGMA synchronous = OFF;"
                        "UPDATE t SET n = zeroblob(20000)")
              .ok(),
          "the disk works");
    disk.crash(random);
    return disk.contents(kPath);
  };
  std::set<std::string> disks;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(after_crash(seed), after_crash(seed));
    disks.insert(after_crash(seed));
  }
  EXPECT_GT(disks.size(), 3U);
}

}  // namespace
}  // namespace mnema
