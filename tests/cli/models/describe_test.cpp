#include "cli/models/describe.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "tests/cli/models/tiny_model.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

class DescribeModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) / (std::string("mnema_describe_") + test->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return (folder_ / "model.gguf").string(); }

  fs::path folder_;
};

TEST_F(DescribeModel, CountsParametersAndTypes) {
  testing::write_tiny_model(path(), {.type = QuantType::kQ8_0});
  const Result<ModelDescription> described = describe_model(path());
  ASSERT_TRUE(described.ok()) << described.error().text();
  EXPECT_FALSE(described->problem.has_value()) << described->problem->text();
  EXPECT_EQ(described->facts.at("architecture"), "llama");
  EXPECT_EQ(described->facts.at("parameters"), 257 * 64 + 7 * 64 * 64 + 3 * 64);
  EXPECT_EQ(described->facts.at("types").at("Q8_0").at("tensors"), 8);
  EXPECT_EQ(described->facts.at("types").at("F32").at("bytes"), 3 * 64 * 4);
}

TEST_F(DescribeModel, ShowsAFileItCannotRunAndSaysWhy) {
  testing::write_tiny_model(path(), {.architecture = "mamba"});
  const Result<ModelDescription> described = describe_model(path());
  ASSERT_TRUE(described.ok()) << described.error().text();
  EXPECT_EQ(described->facts.at("architecture"), "mamba");
  ASSERT_TRUE(described->problem.has_value());
  EXPECT_EQ(described->problem->code, ErrorCode::kUnsupported);
  EXPECT_NE(described->problem->message.find("mamba"), std::string::npos);
}

TEST_F(DescribeModel, TellsWhatIsNotStatedFromZero) {
  testing::write_tiny_model(path(), {});
  const Result<ModelDescription> described = describe_model(path());
  ASSERT_TRUE(described.ok()) << described.error().text();
  EXPECT_EQ(described->facts.at("layers"), 1);
  EXPECT_EQ(described->facts.at("name"), "tiny");
  EXPECT_TRUE(described->facts.at("kv_heads").is_null());
  EXPECT_TRUE(described->facts.at("sliding_window").is_null());
}

TEST_F(DescribeModel, RefusesAFileThatIsCutShort) {
  testing::write_tiny_model(path(), {});
  fs::resize_file(path(), fs::file_size(path()) - 100);
  const Result<ModelDescription> described = describe_model(path());
  ASSERT_FALSE(described.ok());
  EXPECT_EQ(described.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(described.error().message.find(path()), std::string::npos) << described.error().message;
}

}  // namespace
}  // namespace mnema
