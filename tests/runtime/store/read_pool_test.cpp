#include "runtime/store/read_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/sim/fault_vfs.hpp"

namespace mnema {
namespace {

class ReadPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writer = std::move(*SqliteConnection::open("t.db", SqliteConnection::Mode::kReadWriteCreate, disk.name()));
    ASSERT_TRUE(writer->execute("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)").ok());
  }
  static std::int64_t count(Transaction& transaction) {
    Statement statement = transaction.prepare("SELECT count(*) FROM t").value();
    return statement.step().value() ? statement.integer(0) : -1;
  }
  FaultVfs disk{1};
  std::unique_ptr<SqliteConnection> writer;
};

TEST_F(ReadPoolTest, ShowsOneSnapshotFromBeginToEnd) {
  ReadPool pool("t.db", disk.name(), 1);
  EXPECT_TRUE(pool.read([&](Transaction& transaction) -> Status {
                    EXPECT_EQ(count(transaction), 1);
                    EXPECT_TRUE(writer->execute("INSERT INTO t VALUES (2)").ok());
                    EXPECT_EQ(count(transaction), 1);
                    return {};
                  })
                  .ok());
  EXPECT_TRUE(pool.read([&](Transaction& transaction) -> Status {
                    EXPECT_EQ(count(transaction), 2);
                    return {};
                  })
                  .ok());
}

TEST_F(ReadPoolTest, CannotWrite) {
  ReadPool pool("t.db", disk.name(), 1);
  EXPECT_FALSE(pool.read([](Transaction& transaction) -> Status {
                     return transaction.prepare("INSERT INTO t VALUES (3)")->run();
                   })
                   .ok());
}

TEST_F(ReadPoolTest, HasNoMoreConnectionsThanItMayAndLosesNoneToAFailure) {
  ReadPool pool("t.db", disk.name(), 2);
  for (int i = 0; i < 3; ++i) {
    const Status failed = pool.read([](Transaction&) -> Status { throw std::runtime_error("oops"); });
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, ErrorCode::kInternal);
    EXPECT_NE(failed.error().message.find("oops"), std::string::npos);
  }
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        EXPECT_TRUE(pool.read([&](Transaction& transaction) -> Status {
                          const int now = ++inside;
                          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
                          EXPECT_EQ(count(transaction), 1);
                          --inside;
                          return {};
                        })
                        .ok());
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_LE(most, 2);
}

TEST_F(ReadPoolTest, RefusesToReadOnceItIsClosed) {
  ReadPool pool("t.db", disk.name(), 1);
  pool.close();
  EXPECT_EQ(pool.read([](Transaction&) { return Status(); }).error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace mnema
