#include "runtime/store/sqlite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/sim/fault_vfs.hpp"

namespace mnema {
namespace {

class SqliteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = SqliteConnection::open("t.db", SqliteConnection::Mode::kReadWriteCreate, disk.name());
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    connection = std::move(*opened);
    ASSERT_TRUE(
        connection->execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, bytes BLOB, number REAL)").ok());
  }
  FaultVfs disk{1};
  std::unique_ptr<SqliteConnection> connection;
};

TEST_F(SqliteTest, GivesBackTheValuesThatWereBound) {
  const std::string bytes("\0\x01\xff", 3);
  Statement insert = connection->prepare("INSERT INTO t VALUES (?, ?, ?, ?)").value();
  ASSERT_TRUE(insert.bind(1, std::int64_t{1} << 60).bind(2, "ü").bind_blob(3, bytes).bind(4, 0.5).run().ok());
  Statement row = connection->prepare("SELECT * FROM t").value();
  ASSERT_TRUE(row.step().value());
  EXPECT_EQ(row.integer(0), std::int64_t{1} << 60);
  EXPECT_EQ(row.text(1), "ü");
  EXPECT_EQ(row.blob_view(2), bytes);
  EXPECT_EQ(row.number(3), 0.5);
  EXPECT_FALSE(row.step().value());
}

TEST_F(SqliteTest, TellsAnEmptyTextFromNone) {
  ASSERT_TRUE(connection->prepare("INSERT INTO t VALUES (1, ?, ?, NULL)")
                  ->bind(1, std::string_view())
                  .bind_blob(2, std::string_view())
                  .run()
                  .ok());
  Statement row = connection->prepare("SELECT text, bytes, number FROM t").value();
  ASSERT_TRUE(row.step().value());
  EXPECT_FALSE(row.is_null(0));
  EXPECT_FALSE(row.is_null(1));
  EXPECT_TRUE(row.is_null(2));
}

TEST_F(SqliteTest, LendsTheSameTextTwiceAtOnce) {
  ASSERT_TRUE(connection->execute("INSERT INTO t (id) VALUES (1), (2)").ok());
  Statement outer = connection->prepare("SELECT id FROM t ORDER BY id").value();
  ASSERT_TRUE(outer.step().value());
  {
    Statement inner = connection->prepare("SELECT id FROM t ORDER BY id").value();
    ASSERT_TRUE(inner.step().value());
    EXPECT_EQ(inner.integer(0), 1);
  }
  ASSERT_TRUE(outer.step().value());
  EXPECT_EQ(outer.integer(0), 2) << "the inner one has not moved it";
}

TEST_F(SqliteTest, ForgetsWhatWasBoundWhenAStatementIsUsedAgain) {
  {
    ASSERT_TRUE(connection->prepare("INSERT INTO t (id, text) VALUES (?, ?)")->bind(1, 1).bind(2, "secret").run().ok());
  }
  {
    ASSERT_TRUE(connection->prepare("INSERT INTO t (id, text) VALUES (?, ?)")->bind(1, 2).run().ok());
  }
  Statement row = connection->prepare("SELECT text FROM t WHERE id = 2").value();
  ASSERT_TRUE(row.step().value());
  EXPECT_TRUE(row.is_null(0));
}

TEST_F(SqliteTest, SaysWhatKindOfFailureItWas) {
  ASSERT_TRUE(connection->execute("INSERT INTO t (id) VALUES (1)").ok());
  EXPECT_EQ(connection->execute("INSERT INTO t (id) VALUES (1)").error().code, ErrorCode::kAlreadyExists);
  const auto wrong = connection->prepare("SELECT absent FROM t");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("no such column: absent"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("SELECT absent FROM t"), std::string::npos) << "and where";
  const auto missing = SqliteConnection::open("none.db", SqliteConnection::Mode::kReadOnly, disk.name());
  EXPECT_EQ(missing.error().code, ErrorCode::kStorage);
  const auto reader = SqliteConnection::open("t.db", SqliteConnection::Mode::kReadOnly, disk.name());
  EXPECT_FALSE((*reader)->execute("DELETE FROM t").ok());
}

/// The statements that SQLite keeps for the connection, borrowed or not.
std::vector<std::string> prepared(const SqliteConnection& connection) {
  std::vector<std::string> texts;
  for (sqlite3_stmt* statement = sqlite3_next_stmt(connection.handle(), nullptr); statement != nullptr;
       statement = sqlite3_next_stmt(connection.handle(), statement)) {
    texts.emplace_back(sqlite3_sql(statement));
  }
  return texts;
}

TEST(StatementCache, FinalizesWhatWasNotUsedForTheLongestTime) {
  FaultVfs disk{1};
  const auto connection =
      SqliteConnection::open("t.db", SqliteConnection::Mode::kReadWriteCreate, disk.name(), 4).value();
  const auto use = [&](int number) {
    Statement select = connection->prepare("SELECT " + std::to_string(number)).value();
    ASSERT_TRUE(select.step().value());
    EXPECT_EQ(select.integer(0), number);
  };
  for (int i = 0; i < 100; ++i) {
    use(i);
    use(1000);  // always among the last used
  }
  const std::vector<std::string> kept = prepared(*connection);
  EXPECT_EQ(kept.size(), 4U);
  for (const char* text : {"SELECT 1000", "SELECT 99", "SELECT 98", "SELECT 97"}) {
    EXPECT_EQ(std::count(kept.begin(), kept.end(), text), 1) << text;
  }
}

TEST(StatementCache, FinalizesNothingThatIsBorrowed) {
  FaultVfs disk{1};
  const auto connection =
      SqliteConnection::open("t.db", SqliteConnection::Mode::kReadWriteCreate, disk.name(), 1).value();
  {
    Statement counting = connection
                             ->prepare(
                                 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50)"
                                 " SELECT i FROM n")
                             .value();
    for (int i = 1; i <= 50; ++i) {
      ASSERT_TRUE(counting.step().value());
      EXPECT_EQ(counting.integer(0), i);
      Statement same = connection->prepare("SELECT 7").value(), again = connection->prepare("SELECT 7").value();
      ASSERT_TRUE(again.step().value());
      ASSERT_TRUE(connection->prepare("SELECT " + std::to_string(i))->step().value());
    }
  }
  EXPECT_EQ(prepared(*connection).size(), 1U);
}

}  // namespace
}  // namespace mnema
