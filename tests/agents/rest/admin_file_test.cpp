#include "agents/rest/admin_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/random.hpp"
#include "runtime/store/private_file.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

class AdminFileTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  SystemRandom random_;
  const std::string folder_ = (fs::temp_directory_path() / ("mnema_admin_" + random_.uuid())).string();
};

TEST_F(AdminFileTest, IsReadAsItWasWritten) {
  ASSERT_TRUE(write_admin_file(folder_, {"127.0.0.1:7", Secret("the token")}).ok());
  const Result<AdminFile> read = read_admin_file(folder_);
  ASSERT_TRUE(read.ok()) << read.error().text();
  EXPECT_EQ(read->address, "127.0.0.1:7");
  EXPECT_EQ(read->token.reveal(), "the token");
}

TEST_F(AdminFileTest, IsRefusedWithoutItsTextWhenItIsDamaged) {
  EXPECT_EQ(read_admin_file(folder_).error().code, ErrorCode::kNotFound);
  for (const char* bytes :
       {"", "{", "[]", "\"token-1\"", R"({"token": "token-1"})", R"({"address": "127.0.0.1:7", "token": ""})",
        R"({"address": 7, "token": "token-1"})", R"({"address": "127.0.0.1:7", "token": "token-1)", "\xff\xfe"}) {
    ASSERT_TRUE(write_private_file(admin_file_path(folder_), bytes).ok());
    const Result<AdminFile> read = read_admin_file(folder_);
    ASSERT_FALSE(read.ok()) << bytes;
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << bytes;
    EXPECT_EQ(read.error().text().find("token-1"), std::string::npos) << read.error().text();
  }
}

}  // namespace
}  // namespace mnema
