#include "runtime/store/schema_versions.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace mnema {
namespace {

class SchemaVersions : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = ::testing::TempDir() + "mnema_schema_versions_" + test->name() + ".db";
    std::filesystem::remove(path_);
    connection_ = std::move(*SqliteConnection::open(path_, SqliteConnection::Mode::kReadWriteCreate));
  }
  void TearDown() override {
    connection_.reset();
    std::filesystem::remove(path_);
  }
  Status bring_up_to_date_with(const std::vector<Migration>& migrations) {
    RETURN_IF_ERROR(claim_file(*connection_, path_));
    return bring_up_to_date(*connection_, migrations, path_);
  }

  const std::vector<Migration> one_{{"shop", 1, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"}};
  const std::vector<Migration> two_{{"shop", 1, "CREATE TABLE orders (id INTEGER PRIMARY KEY)"},
                                    {"shop", 2, "ALTER TABLE orders ADD COLUMN amount REAL"}};
  std::string path_;
  std::unique_ptr<SqliteConnection> connection_;
};

TEST_F(SchemaVersions, AreReadableExactlyAtTheVersionThisBuildKnows) {
  ASSERT_TRUE(bring_up_to_date_with(one_).ok());
  EXPECT_TRUE(check_readable(*connection_, one_, path_).ok());
  const Status older = check_readable(*connection_, two_, path_);
  ASSERT_FALSE(older.ok());
  EXPECT_NE(older.error().message.find("older"), std::string::npos) << older.error().message;

  ASSERT_TRUE(bring_up_to_date_with(two_).ok());
  EXPECT_TRUE(check_readable(*connection_, two_, path_).ok());
  const Status newer = check_readable(*connection_, one_, path_);
  ASSERT_FALSE(newer.ok());
  EXPECT_NE(newer.error().message.find("newer"), std::string::npos) << newer.error().message;
}

TEST_F(SchemaVersions, RefuseToReadAnotherProgramsFile) {
  ASSERT_TRUE(connection_->execute("CREATE TABLE theirs (id INTEGER)").ok());
  const Status status = check_readable(*connection_, one_, path_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(status.error().message.find("another program"), std::string::npos);
}

TEST_F(SchemaVersions, LeaveANewerFileAsItWas) {
  ASSERT_TRUE(bring_up_to_date_with(two_).ok());
  const std::vector<Migration> other_and_old{{"audit", 1, "CREATE TABLE audit (id INTEGER)"}, one_[0]};
  EXPECT_FALSE(bring_up_to_date_with(other_and_old).ok());
  EXPECT_FALSE(connection_->prepare("SELECT * FROM audit").ok()) << "no component was changed";
}

}  // namespace
}  // namespace mnema
