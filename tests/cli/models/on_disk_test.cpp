#include "cli/models/on_disk.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace mnema {
namespace {

namespace fs = std::filesystem;

/// A catalogue model of two files, "abc" and "hello", in a folder of its own.
class OnDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = (fs::path(::testing::TempDir()) / (std::string("mnema_on_disk_") + test->name())).string();
    fs::remove_all(folder_);
    model_.name = "pair";
    model_.files = {
        {"first.gguf", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "", {}},
        {"second.txt", 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "", {}},
    };
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string put(std::size_t file, const char* text) {
    const std::string path = path_in_folder(folder_, model_, model_.files[file]);
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  std::string refusal(ErrorCode code) {
    const Status status = verify_model(model_, folder_);
    if (status.ok()) return "it was not refused";
    EXPECT_EQ(status.error().code, code);
    EXPECT_NE(status.error().hint.find("mnema models pull pair"), std::string::npos) << status.error().hint;
    return status.error().message;
  }

  std::string folder_;
  CatalogueModel model_;
};

TEST_F(OnDiskTest, TellsNothingFromPartFromWhole) {
  EXPECT_EQ(on_disk(model_, folder_), OnDisk::kNothing);
  put(0, "abc");
  EXPECT_EQ(on_disk(model_, folder_), OnDisk::kPart);
  put(1, "hel");
  EXPECT_EQ(on_disk(model_, folder_), OnDisk::kPart) << "a file of the wrong size is not there yet";
  put(1, "hello");
  EXPECT_EQ(on_disk(model_, folder_), OnDisk::kWhole);
  EXPECT_TRUE(verify_model(model_, folder_).ok());
}

TEST_F(OnDiskTest, NamesTheFileThatIsMissing) {
  put(0, "abc");
  const std::string text = refusal(ErrorCode::kNotFound);
  EXPECT_NE(text.find("second.txt' is missing"), std::string::npos) << text;
}

TEST_F(OnDiskTest, TellsACutFileFromADamagedOne) {
  put(0, "abc");
  put(1, "hel");
  std::string text = refusal(ErrorCode::kCorrupt);
  EXPECT_NE(text.find("cut short: 3 bytes where 5 are right"), std::string::npos) << text;
  put(1, "jello");
  text = refusal(ErrorCode::kCorrupt);
  EXPECT_NE(text.find("SHA-256"), std::string::npos) << text;
  EXPECT_NE(text.find("second.txt"), std::string::npos) << text;
}

TEST_F(OnDiskTest, NoLongerTrustsAFileThatDidNotVerify) {
  put(1, "hello");
  const std::string path = put(0, "abd");
  mark_good(path, model_.files[0].sha256);
  ASSERT_TRUE(is_marked_good(path, model_.files[0])) << "a start believes the mark, so that it need not read the file";
  refusal(ErrorCode::kCorrupt);
  EXPECT_FALSE(is_marked_good(path, model_.files[0])) << "or 'pull' would keep the damaged file";
}

}  // namespace
}  // namespace mnema
