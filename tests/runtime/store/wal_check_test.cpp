#include "runtime/store/wal_check.hpp"

#include <gtest/gtest.h>

#include "runtime/sim/fault_vfs.hpp"
#include "runtime/store/sqlite.hpp"

namespace mnema {
namespace {

constexpr std::size_t kFrameBytes = 24 + 4'096;

/// A database whose log holds ten transactions; `log_` and `database_` are the files as a kill leaves them.
class WalCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = SqliteConnection::open("t.db", SqliteConnection::Mode::kReadWriteCreate, disk_.name());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    connection_ = std::move(*opened);
    ASSERT_TRUE(connection_
                    ->execute("CREATE TABLE t (n); PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                              "PRAGMA wal_autocheckpoint = 0")
                    .ok());
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(connection_->execute("INSERT INTO t VALUES (hex(zeroblob(3000)))").ok());
      ends_.push_back(disk_.contents("t.db-wal").size());
    }
    take_files();
  }
  void take_files() {
    database_ = disk_.contents("t.db");
    log_ = disk_.contents("t.db-wal");
  }
  static Status check(const std::string& database, const std::string& log) {
    FaultVfs disk(2);
    disk.plant("t.db", database);
    disk.plant("t.db-wal", log);
    return check_wal("t.db", disk.name());
  }
  static std::string flipped(std::string bytes, std::size_t at, int bit = 4) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    return bytes;
  }

  FaultVfs disk_{1};
  std::unique_ptr<SqliteConnection> connection_;
  std::vector<std::size_t> ends_;  // of the transactions in the log
  std::string database_, log_;
};

TEST_F(WalCheckTest, TakesAWholeLogAndNone) {
  EXPECT_TRUE(check(database_, log_).ok());
  EXPECT_TRUE(check(database_, "").ok());
  FaultVfs empty(3);
  EXPECT_TRUE(check_wal("t.db", empty.name()).ok());
}

TEST_F(WalCheckTest, TakesALogWhoseLastTransactionIsTorn) {
  for (std::size_t at = ends_[8]; at < log_.size(); at += 500) {
    EXPECT_TRUE(check(database_, log_.substr(0, at)).ok()) << at;
    EXPECT_TRUE(check(database_, flipped(log_, at)).ok()) << at;
  }
}

TEST_F(WalCheckTest, RefusesALogThatIsDamagedBeforeItsLastTransactions) {
  for (std::size_t at = 32; at < ends_[7]; at += 37) {
    const Status refused = check(database_, flipped(log_, at));
    ASSERT_FALSE(refused.ok()) << "byte " << (at - 32) % kFrameBytes << " of frame " << (at - 32) / kFrameBytes;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  }
}

TEST_F(WalCheckTest, RefusesALogWithADamagedHeaderUnlessTheFileHasAllOfIt) {
  for (std::size_t at = 0; at < 32; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      EXPECT_FALSE(check(database_, flipped(log_, at, bit)).ok()) << "bit " << bit << " of byte " << at;
    }
  }
  ASSERT_TRUE(connection_->execute("PRAGMA wal_checkpoint(PASSIVE)").ok());
  take_files();
  for (std::size_t at = 0; at < 32; ++at) {
    for (int bit = 0; bit < 8; ++bit) EXPECT_TRUE(check(database_, flipped(log_, at, bit)).ok()) << at;
  }
}

TEST_F(WalCheckTest, RemovesALogThatCannotBeReadAndOfWhichTheFileHasAll) {
  ASSERT_TRUE(connection_->execute("PRAGMA wal_checkpoint(PASSIVE)").ok());
  take_files();
  FaultVfs disk(2);
  disk.plant("t.db", database_);
  disk.plant("t.db-wal", flipped(log_, 30));
  EXPECT_TRUE(check_wal("t.db", disk.name()).ok());
  EXPECT_EQ(disk.contents("t.db-wal"), "") << "SQLite would go on in it under the same salts";
}

TEST_F(WalCheckTest, RefusesALogWithoutItsDatabase) {
  const Status refused = check("", log_);
  ASSERT_FALSE(refused.ok());
  EXPECT_FALSE(refused.error().hint.empty());
}

}  // namespace
}  // namespace mnema
