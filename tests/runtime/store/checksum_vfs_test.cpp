#include "runtime/store/checksum_vfs.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/fault_vfs.hpp"
#include "runtime/store/sqlite.hpp"

namespace mnema {
namespace {

constexpr const char* kPath = "t.db";
constexpr std::size_t kPageBytes = 4'096;

class ChecksumVfsTest : public ::testing::Test {
 protected:
  static std::unique_ptr<SqliteConnection> open(const FaultVfs& disk) {
    auto opened = SqliteConnection::open(kPath, SqliteConnection::Mode::kReadWriteCreate, disk.name());
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    return std::move(*opened);
  }
  void fill() {
    const auto connection = open(disk_);
    ASSERT_TRUE(connection
                    ->execute("PRAGMA application_id = " + std::to_string(kCheckedApplicationId) +
                              "; CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT);"
                              "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 200)"
                              "INSERT INTO t SELECT n, 'the text of row ' || n || hex(zeroblob(60)) FROM c")
                    .ok());
  }
  /// What a program that starts over these bytes is told.
  static Status start_over(const std::string& bytes) {
    FaultVfs disk(2);
    disk.plant(kPath, bytes);
    auto opened = SqliteConnection::open(kPath, SqliteConnection::Mode::kReadWriteCreate, disk.name());
    if (!opened.ok()) return opened.error();
    return verify_pages((*opened)->handle(), kPath);
  }

  FaultVfs disk_{1};
};

TEST_F(ChecksumVfsTest, GivesBackWhatWasWritten) {
  fill();
  EXPECT_TRUE(start_over(disk_.contents(kPath)).ok());
  const auto connection = open(disk_);
  Result<Statement> sum =
      connection->prepare("SELECT count(*), sum(n) FROM t WHERE text LIKE 'the text of row ' || n || '%'");
  ASSERT_TRUE(sum.ok() && sum->step().ok());
  EXPECT_EQ(sum->integer(0), 200);
}

TEST_F(ChecksumVfsTest, FindsEveryFlippedBit) {
  fill();
  const std::string whole = disk_.contents(kPath);
  ASSERT_GE(whole.size(), 5 * kPageBytes);
  for (std::size_t at = 0; at < whole.size(); at += at < 100 ? 1 : 61) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    const Status started = start_over(flipped);
    ASSERT_FALSE(started.ok()) << "byte " << at;
    EXPECT_EQ(started.error().code, ErrorCode::kCorrupt) << "byte " << at << ": " << started.error().text();
  }
}

TEST_F(ChecksumVfsTest, FindsThatTheEndIsMissing) {
  fill();
  const std::string whole = disk_.contents(kPath);
  for (std::size_t size = 1; size < whole.size(); size += 509) {
    const Status started = start_over(whole.substr(0, size));
    ASSERT_FALSE(started.ok()) << size << " bytes";
    EXPECT_EQ(started.error().code, ErrorCode::kCorrupt) << size << " bytes: " << started.error().text();
  }
}

TEST_F(ChecksumVfsTest, FindsAPageInThePlaceOfAnother) {
  fill();
  std::string swapped = disk_.contents(kPath);
  const std::string third = swapped.substr(2 * kPageBytes, kPageBytes);
  swapped.replace(2 * kPageBytes, kPageBytes, swapped.substr(3 * kPageBytes, kPageBytes));
  swapped.replace(3 * kPageBytes, kPageBytes, third);
  EXPECT_EQ(start_over(swapped).error().code, ErrorCode::kCorrupt);
}

TEST_F(ChecksumVfsTest, ServesNoRowOfADamagedPage) {
  fill();
  std::string flipped = disk_.contents(kPath);
  int places = 0;  // a page that was split has an old copy
  for (std::size_t at = 0; (at = flipped.find("the text of row 150", at)) != std::string::npos; ++places)
    flipped[at] = 'T';
  ASSERT_GT(places, 0);
  FaultVfs disk(3);
  disk.plant(kPath, flipped);
  const auto connection = open(disk);
  Result<Statement> row = connection->prepare("SELECT text FROM t WHERE n = 150");
  ASSERT_TRUE(row.ok()) << row.error().text();
  const Result<bool> read = row->step();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << read.error().text();
  EXPECT_FALSE(read.error().retryable);
}

TEST_F(ChecksumVfsTest, WorksOnWithFilesThatHaveNone) {
  sqlite3* plain = nullptr;
  ASSERT_EQ(sqlite3_open_v2(kPath, &plain, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, disk_.name().c_str()),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(plain, "CREATE TABLE t (n); INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close_v2(plain);
  const auto connection = open(disk_);
  EXPECT_TRUE(connection->execute("INSERT INTO t VALUES (2)").ok());
  EXPECT_TRUE(verify_pages(connection->handle(), kPath).ok());
}

}  // namespace
}  // namespace mnema
