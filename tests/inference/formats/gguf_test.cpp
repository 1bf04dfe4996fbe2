#include "inference/formats/gguf.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/inference/formats/gguf_builder.hpp"

namespace mnema {
namespace {

using testing::ByteWriter;
using testing::GgufBuilder;

std::vector<std::byte> zeros(std::size_t count) { return std::vector<std::byte>(count); }

/// One value of each kind and two tensors.
GgufBuilder small_file() {
  GgufBuilder file;
  file.string("general.architecture", "llama").integer("llama.block_count", 2).number("llama.epsilon", 0.5F);
  file.boolean("tokenizer.ggml.add_bos_token", true).strings("names", {"a", "", "ccc"});
  file.integers("kinds", {1, -2, 3}).numbers("scores", {0.25F, -1.0F});
  file.tensor("norm", QuantType::kF32, {4}, zeros(16)).tensor("weight", QuantType::kQ8_0, {64, 3}, zeros(2 * 34 * 3));
  return file;
}

Error error_of(const std::vector<std::byte>& bytes) {
  const auto file = GgufFile::parse(bytes, "test.gguf");
  return file.ok() ? Error{ErrorCode::kInternal, "the file was taken", "", false, 0} : file.error();
}

void expect_corrupt(const GgufBuilder& file, const std::string& words) {
  const Error error = error_of(file.build());
  EXPECT_EQ(error.code, ErrorCode::kCorrupt) << error.text();
  EXPECT_NE(error.message.find(words), std::string::npos) << error.text();
}

TEST(GgufFile, GivesWhatTheFileSaysInItsOwnOrder) {
  const std::vector<std::byte> bytes = small_file().build();
  const auto file = GgufFile::parse(bytes, "test.gguf");
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_EQ((*file)->string("general.architecture"), "llama");
  EXPECT_EQ((*file)->integer("llama.block_count"), 2);
  EXPECT_EQ((*file)->number("llama.epsilon"), 0.5);
  EXPECT_EQ((*file)->boolean("tokenizer.ggml.add_bos_token"), true);
  EXPECT_EQ((*file)->strings("names"), (std::vector<std::string_view>{"a", "", "ccc"}));
  EXPECT_EQ((*file)->integers("kinds"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ((*file)->numbers("scores"), (std::vector<float>{0.25F, -1.0F}));
  EXPECT_EQ((*file)->keys().size(), 7U);
  ASSERT_EQ((*file)->tensors().size(), 2U);
  const GgufTensor* weight = (*file)->find_tensor("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->columns(), 64U);
  EXPECT_EQ(weight->rows(), 3U);
  EXPECT_EQ(weight->data.size(), 2U * 34 * 3);
  EXPECT_EQ(weight->data.data() + weight->data.size(), bytes.data() + bytes.size());
}

TEST(GgufFile, SaysNothingOfAKeyThatIsAbsentOrOfAnotherKind) {
  const std::vector<std::byte> bytes = small_file().build();
  const auto file = GgufFile::parse(bytes, "test.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->integer("no.such"), std::nullopt);
  EXPECT_EQ((*file)->integer("general.architecture"), std::nullopt);
  EXPECT_EQ((*file)->string("llama.block_count"), std::nullopt);
  EXPECT_EQ((*file)->integers("names"), std::nullopt);
  EXPECT_EQ((*file)->strings("kinds"), std::nullopt);
  EXPECT_EQ((*file)->boolean("llama.block_count"), std::nullopt);
  EXPECT_EQ((*file)->find_tensor("no.such"), nullptr);
}

TEST(GgufFile, RefusesAFileCutAtAnyByte) {
  const std::vector<std::byte> whole = small_file().build();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy, so that a read past the end is seen by the sanitizers.
    const Error error =
        error_of(std::vector<std::byte>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_EQ(error.code, ErrorCode::kCorrupt) << "cut at " << size << ": " << error.text();
    ASSERT_NE(error.message.find("test.gguf"), std::string::npos);
    ASSERT_FALSE(error.hint.empty());
  }
}

TEST(GgufFile, RefusesCountsThatTheFileCannotHoldBeforeItAllocates) {
  for (const std::uint64_t count : {std::uint64_t{1000}, std::uint64_t{1} << 40, UINT64_MAX}) {
    EXPECT_EQ(error_of(small_file().build(count, 7)).code, ErrorCode::kCorrupt) << count;
    EXPECT_EQ(error_of(small_file().build(2, count)).code, ErrorCode::kCorrupt) << count;
  }
  for (const std::uint32_t kind : {0U, 8U, 12U}) {  // bytes, texts, doubles
    for (const std::uint64_t count : {std::uint64_t{1} << 30, UINT64_MAX / 8, UINT64_MAX}) {
      ByteWriter bytes;
      bytes.put<std::uint32_t>(0x46554747).put<std::uint32_t>(3).put<std::uint64_t>(0).put<std::uint64_t>(1);
      bytes.text("list").put<std::uint32_t>(9).put(kind).put(count).put<std::uint64_t>(0);
      const Error error = error_of(bytes.bytes);
      EXPECT_EQ(error.code, ErrorCode::kCorrupt);
      EXPECT_NE(error.message.find("longer than the file"), std::string::npos) << error.text();
    }
  }
}

TEST(GgufFile, RefusesATextLongerThanTheFile) {
  ByteWriter bytes;
  bytes.put<std::uint32_t>(0x46554747).put<std::uint32_t>(3).put<std::uint64_t>(0).put<std::uint64_t>(1);
  bytes.put<std::uint64_t>(UINT64_MAX).put<std::uint64_t>(0).put<std::uint64_t>(0);
  EXPECT_EQ(error_of(bytes.bytes).code, ErrorCode::kCorrupt);
}

TEST(GgufFile, NamesTheTensorWhoseTypeItCannotRead) {
  for (const std::uint32_t type : {4U, 9U, 16U, 31U, 1000U, UINT32_MAX}) {
    const Error error = error_of(GgufBuilder().tensor_at("blk.0.attn_q.weight", type, {256}, 0).bytes(4096).build());
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_NE(error.message.find("'blk.0.attn_q.weight' has type " + std::to_string(type)), std::string::npos)
        << error.text();
  }
}

TEST(GgufFile, NamesTheTensorThatDoesNotLieInsideTheFile) {
  const auto f32 = static_cast<std::uint32_t>(QuantType::kF32), q4k = static_cast<std::uint32_t>(QuantType::kQ4_K);
  expect_corrupt(GgufBuilder().tensor_at("big", f32, {1000}, 0).bytes(64), "'big' does not lie inside");
  expect_corrupt(GgufBuilder().tensor_at("far", f32, {4}, 1 << 20).bytes(64), "'far' does not lie inside");
  expect_corrupt(GgufBuilder().tensor_at("over", f32, {4}, UINT64_MAX - 31).bytes(64), "'over' does not lie inside");
  expect_corrupt(GgufBuilder().tensor_at("huge", f32, {1ULL << 62, 1ULL << 62}, 0).bytes(64), "'huge' does not lie");
  expect_corrupt(GgufBuilder().tensor_at("none", f32, {4, 0}, 0).bytes(64), "'none' does not lie inside");
  expect_corrupt(GgufBuilder().tensor_at("part", q4k, {128}, 0).bytes(4096), "'part' has rows that are no multiple");
  expect_corrupt(GgufBuilder().tensor_at("flat", f32, {}, 0).bytes(64), "'flat' has 0 dimensions");
  expect_corrupt(GgufBuilder().tensor_at("deep", f32, {1, 1, 1, 1, 1}, 0).bytes(64), "'deep' has 5 dimensions");
}

TEST(GgufFile, RefusesTensorsThatAreMisalignedThereTwiceOrOverEachOther) {
  const auto f32 = static_cast<std::uint32_t>(QuantType::kF32);
  expect_corrupt(GgufBuilder().tensor_at("odd", f32, {4}, 4).bytes(64), "'odd' is not aligned");
  expect_corrupt(
      GgufBuilder().tensor("w", QuantType::kF32, {4}, zeros(16)).tensor("w", QuantType::kF32, {4}, zeros(16)),
      "'w' is there twice");
  expect_corrupt(GgufBuilder().tensor_at("a", f32, {16}, 0).tensor_at("b", f32, {4}, 32).bytes(64), "overlap");
  expect_corrupt(GgufBuilder().integer("same", 1).integer("same", 2), "'same' is there twice");
}

TEST(GgufFile, KeepsToTheAlignmentThatTheFileNames) {
  const auto f32 = static_cast<std::uint32_t>(QuantType::kF32);
  EXPECT_TRUE(
      GgufFile::parse(GgufBuilder().integer("general.alignment", 4).tensor_at("w", f32, {2}, 4).bytes(96).build(),
                      "test.gguf")
          .ok());
  for (const std::uint32_t alignment : {0U, 3U, 48U, 1U << 31}) {
    expect_corrupt(GgufBuilder().integer("general.alignment", alignment).bytes(64), "alignment");
  }
}

TEST(GgufFile, SaysWhichVersionsItKnows) {
  EXPECT_TRUE(GgufFile::parse(small_file().build(2, 7, 2), "test.gguf").ok());
  EXPECT_NE(error_of(small_file().build(2, 7, 1)).message.find("version 1"), std::string::npos);
  EXPECT_NE(error_of(small_file().build(2, 7, 4)).message.find("version 4"), std::string::npos);
  EXPECT_NE(error_of(small_file().build(2, 7, 3U << 24)).message.find("big-endian"), std::string::npos);
  EXPECT_EQ(error_of(small_file().build(2, 7, 4)).code, ErrorCode::kUnsupported);
  std::vector<std::byte> other = small_file().build();
  other[0] = std::byte{'P'};
  EXPECT_NE(error_of(other).message.find("no GGUF file"), std::string::npos);
}

TEST(GgufFile, RefusesMetadataOfAKindItDoesNotKnow) {
  for (const std::uint32_t kind : {13U, 255U, UINT32_MAX}) {
    ByteWriter scalar, list;
    for (ByteWriter* bytes : {&scalar, &list}) {
      bytes->put<std::uint32_t>(0x46554747).put<std::uint32_t>(3).put<std::uint64_t>(0).put<std::uint64_t>(1);
    }
    scalar.text("k").put(kind).put<std::uint64_t>(0);
    list.text("k").put<std::uint32_t>(9).put(kind).put<std::uint64_t>(1).put<std::uint64_t>(0);
    EXPECT_EQ(error_of(scalar.bytes).code, ErrorCode::kCorrupt);
    EXPECT_EQ(error_of(list.bytes).code, ErrorCode::kCorrupt);
  }
}

TEST(GgufFile, ReadsFromDiskAndGetsDroppedPagesBack) {
  const std::string path = ::testing::TempDir() + "mnema_gguf_test.gguf";
  std::vector<std::byte> weights(64 << 10, std::byte{7});
  const std::vector<std::byte> bytes =
      GgufBuilder().tensor("w", QuantType::kF32, {weights.size() / 4}, weights).build();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto file = GgufFile::open(path);
  std::remove(path.c_str());
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_EQ((*file)->file_bytes(), bytes.size());
  const GgufTensor* tensor = (*file)->find_tensor("w");
  (*file)->drop_pages(tensor->data);
  EXPECT_TRUE(std::equal(weights.begin(), weights.end(), tensor->data.begin()));
  EXPECT_EQ(GgufFile::open(path).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mnema
