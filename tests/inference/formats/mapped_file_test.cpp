#include "inference/formats/mapped_file.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <utility>

namespace mnema {
namespace {

/// A file that is gone when the test ends.
class Written {
 public:
  explicit Written(const std::string& content) : path(::testing::TempDir() + "mnema_mapped_file_test") {
    std::ofstream(path, std::ios::binary) << content;
  }
  ~Written() { std::remove(path.c_str()); }
  const std::string path;
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const Written written("some bytes");
  const Result<MappedFile> file = MappedFile::open(written.path);
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_EQ(text_of(*file), "some bytes");
}

TEST(MappedFile, IsEmptyForAnEmptyFile) {
  const Written written("");
  const Result<MappedFile> file = MappedFile::open(written.path);
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, SaysWhichFileIsNotThereOrIsNone) {
  const Result<MappedFile> missing = MappedFile::open("/no/such/file.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("/no/such/file.gguf"), std::string::npos);
  const Result<MappedFile> folder = MappedFile::open(::testing::TempDir());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::kInvalidArgument);
}

TEST(MappedFile, BringsDroppedPagesBackAndLeavesTheRestAlone) {
  const std::string content(100'000, 'x');
  const Written written(content);
  const Result<MappedFile> file = MappedFile::open(written.path);
  ASSERT_TRUE(file.ok());
  file->drop(file->bytes());
  file->drop(file->bytes().subspan(5000, 10'000));
  file->drop({});
  const std::byte elsewhere{};
  file->drop({&elsewhere, 1});
  EXPECT_EQ(text_of(*file), content);
}

TEST(MappedFile, StaysMappedWhenItMoves) {
  const Written written("first");
  Result<MappedFile> file = MappedFile::open(written.path);
  ASSERT_TRUE(file.ok());
  MappedFile moved(std::move(*file));
  MappedFile assigned;
  assigned = std::move(moved);
  EXPECT_EQ(text_of(assigned), "first");
}

}  // namespace
}  // namespace mnema
