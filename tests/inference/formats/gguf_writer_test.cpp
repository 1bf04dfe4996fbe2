#include "inference/formats/gguf_writer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "inference/formats/gguf.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

class GgufWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) / (std::string("mnema_gguf_writer_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const char* name = "model.gguf") const { return (folder_ / name).string(); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

std::unique_ptr<GgufWriter> create(const std::string& path) {
  Result<std::unique_ptr<GgufWriter>> writer = GgufWriter::create(path);
  EXPECT_TRUE(writer.ok()) << (writer.ok() ? "" : writer.error().text());
  return std::move(*writer);
}

std::shared_ptr<GgufFile> open(const std::string& path) {
  Result<std::shared_ptr<GgufFile>> file = GgufFile::open(path);
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().text());
  return file.ok() ? *file : nullptr;
}

std::vector<std::byte> bytes_counting_to(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i + 1);
  return bytes;
}

TEST_F(GgufWriterTest, GivesBackEveryValueAndTensor) {
  const std::unique_ptr<GgufWriter> out = create(path());
  out->set_string("text", "né");
  out->set_integer("whole", 7);
  out->set_number("real", 0.25F);
  out->set_boolean("yes", true);
  const std::string words[] = {"a", "", "bc"};
  out->set_strings("words", words);
  const std::int32_t kinds[] = {3, -1};
  out->set_integers("kinds", kinds);
  const std::uint64_t odd[] = {5}, matrix[] = {32, 2};
  out->declare("norm", QuantType::kF32, odd);  // 20 bytes: the next tensor begins after padding
  out->declare("weight", QuantType::kQ8_0, matrix);
  const std::vector<std::byte> norm = bytes_counting_to(20), weight = bytes_counting_to(68);
  ASSERT_TRUE(out->append(norm).ok());
  ASSERT_TRUE(out->append(std::span(weight).first(30)).ok());
  ASSERT_TRUE(out->append(std::span(weight).subspan(30)).ok());
  EXPECT_EQ(out->tensor_bytes(), 88U);
  ASSERT_TRUE(out->finish().ok());

  const std::shared_ptr<GgufFile> file = open(path());
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->string("text"), "né");
  EXPECT_EQ(file->integer("whole"), 7);
  EXPECT_EQ(file->number("real"), 0.25);
  EXPECT_EQ(file->boolean("yes"), true);
  EXPECT_EQ(file->strings("words"), (std::vector<std::string_view>{"a", "", "bc"}));
  EXPECT_EQ(file->integers("kinds"), (std::vector<std::int64_t>{3, -1}));
  ASSERT_EQ(file->tensors().size(), 2U);
  const GgufTensor* read = file->find_tensor("weight");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->type, QuantType::kQ8_0);
  EXPECT_EQ(read->shape, (std::vector<std::uint64_t>{32, 2}));
  ASSERT_EQ(read->data.size(), weight.size());
  EXPECT_EQ(std::memcmp(read->data.data(), weight.data(), weight.size()), 0);
  EXPECT_EQ(std::memcmp(file->find_tensor("norm")->data.data(), norm.data(), norm.size()), 0);
}

TEST_F(GgufWriterTest, CopiesValuesOfAnotherFileAsTheyAre) {
  const std::unique_ptr<GgufWriter> first = create(path("first.gguf"));
  const std::string words[] = {"x", "yz"};
  first->set_strings("words", words);
  first->set_number("real", 1.5F);
  ASSERT_TRUE(first->finish().ok());
  const std::shared_ptr<GgufFile> source = open(path("first.gguf"));
  ASSERT_NE(source, nullptr);

  const std::unique_ptr<GgufWriter> second = create(path("second.gguf"));
  for (const std::string_view key : source->keys()) second->set_encoded(key, source->encoded(key));
  ASSERT_TRUE(second->finish().ok());
  const std::shared_ptr<GgufFile> copy = open(path("second.gguf"));
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->keys(), source->keys());
  EXPECT_EQ(copy->strings("words"), (std::vector<std::string_view>{"x", "yz"}));
  EXPECT_EQ(copy->number("real"), 1.5);
}

TEST_F(GgufWriterTest, LeavesNothingBehindWhenGivenUp) {
  {
    const std::unique_ptr<GgufWriter> out = create(path());
    const std::uint64_t shape[] = {64};
    out->declare("weight", QuantType::kF32, shape);
    ASSERT_TRUE(out->append(bytes_counting_to(100)).ok());
    EXPECT_EQ(files(), 1U);
    EXPECT_FALSE(fs::exists(path())) << "half a file must not have the name of a whole one";
  }
  EXPECT_EQ(files(), 0U);
}

TEST_F(GgufWriterTest, KeepsTheOldFileWhenTheCheckRefusesTheNew) {
  std::ofstream(path()) << "old";
  {
    const std::unique_ptr<GgufWriter> out = create(path());
    out->set_integer("n", 1);
    const Status status = out->finish([](const std::string& part) -> Status {
      EXPECT_NE(open(part), nullptr) << "the check sees the whole file";
      return fail(ErrorCode::kCorrupt, "not good");
    });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message, "not good");
  }
  EXPECT_EQ(fs::file_size(path()), 3U);
  EXPECT_EQ(files(), 1U);
}

TEST_F(GgufWriterTest, SaysWhereItCannotWrite) {
  const Result<std::unique_ptr<GgufWriter>> writer = GgufWriter::create(path("missing/model.gguf"));
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code, ErrorCode::kStorage);
  EXPECT_NE(writer.error().message.find("missing/model.gguf"), std::string::npos);
}

}  // namespace
}  // namespace mnema
