#include "inference/formats/safetensors.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "tests/inference/formats/gguf_builder.hpp"

namespace mnema {
namespace {

std::vector<std::byte> file_of(std::string_view header, std::size_t data_bytes) {
  testing::ByteWriter out;
  out.text(header);
  for (std::size_t i = 0; i < data_bytes; ++i) out.put(static_cast<std::uint8_t>(i));
  return out.bytes;
}

constexpr std::string_view kHeader =
    R"({"__metadata__":{"format":"pt"},"bias":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},)"
    R"("weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"none":{"dtype":"I64","shape":[0],"data_offsets":[20,20]}})";

Error error_of(const std::vector<std::byte>& bytes) {
  const auto file = SafetensorsFile::parse(bytes, "test.safetensors");
  return file.ok() ? Error{ErrorCode::kInternal, "the file was taken", "", false, 0} : file.error();
}

void expect_corrupt(std::string_view header, std::size_t data_bytes, const std::string& words) {
  const Error error = error_of(file_of(header, data_bytes));
  EXPECT_EQ(error.code, ErrorCode::kCorrupt) << header;
  EXPECT_NE(error.message.find(words), std::string::npos) << header << "\n" << error.text();
  EXPECT_NE(error.message.find("test.safetensors"), std::string::npos);
}

TEST(SafetensorsFile, GivesTypesShapesAndBytes) {
  const std::vector<std::byte> bytes = file_of(kHeader, 20);
  const auto file = SafetensorsFile::parse(bytes, "test.safetensors");
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_EQ((*file)->tensors().size(), 3U);
  const SafeTensor* weight = (*file)->find("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->type, "F32");
  EXPECT_EQ(weight->shape, (std::vector<std::uint64_t>{2, 2}));
  EXPECT_EQ(weight->data.size(), 16U);
  EXPECT_EQ((*file)->find("bias")->data[0], std::byte{16});
  EXPECT_EQ((*file)->find("none")->data.size(), 0U);
  EXPECT_EQ((*file)->find("__metadata__"), nullptr);
}

TEST(SafetensorsFile, RefusesAFileCutAtAnyByte) {
  const std::vector<std::byte> whole = file_of(kHeader, 20);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Error error =
        error_of(std::vector<std::byte>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    ASSERT_EQ(error.code, ErrorCode::kCorrupt) << "cut at " << size << ": " << error.text();
  }
}

TEST(SafetensorsFile, RefusesAHeaderLongerThanTheFileOrItsBound) {
  for (const std::uint64_t length : {std::uint64_t{9}, std::uint64_t{1} << 40, UINT64_MAX}) {
    testing::ByteWriter out;
    out.put(length).put<std::uint64_t>(0);
    EXPECT_NE(error_of(out.bytes).message.find("header is longer"), std::string::npos);
  }
  // As long as the file says, but nothing but the parser's memory would come of it.
  EXPECT_NE(error_of(file_of("{" + std::string(64 << 20, ' ') + "}", 0)).message.find("header is longer"),
            std::string::npos);
}

TEST(SafetensorsFile, RefusesAHeaderThatIsNoListOfTensors) {
  for (const char* header : {"", "[]", "7", "{", "{\"a\":}", "{} x", "\xff"})
    expect_corrupt(header, 0, "no JSON object");
  expect_corrupt(R"({"a":)" + std::string(64, '[') + std::string(64, ']') + "}", 0, "no JSON object");
  expect_corrupt(R"({"a":7})", 0, "'a' has no dtype");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "'a' has no dtype");
  expect_corrupt(R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}})", 4, "'a' has no dtype");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 8, "'a' has no dtype");
}

TEST(SafetensorsFile, NamesTheTensorWhoseNumbersDoNotAgree) {
  expect_corrupt(R"({"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", 4, "'a' has the unknown type 'Q9'");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "'a' has a shape");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "'a' has a shape");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "'a' has another number of bytes");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 4, "'a' lies outside");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 8, "'a' lies outside");
  expect_corrupt(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4, "'a' is larger");
  expect_corrupt(R"({"a":{"dtype":"U8","shape":[18446744073709551615,2],"data_offsets":[0,4]}})", 4, "'a' is larger");
}

TEST(SafetensorsFile, RefusesBytesThatBelongToTwoTensorsOrToNone) {
  constexpr const char* kTwo = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)";
  expect_corrupt(std::string(kTwo) + R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6, "'b' overlaps");
  expect_corrupt(std::string(kTwo) + R"("b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})", 8, "no tensor");
  expect_corrupt(std::string(kTwo) + R"("b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 7, "no tensor");
  // A name that is there twice: JSON keeps one of them, the bytes of the other have no owner.
  expect_corrupt(std::string(kTwo) + R"("a":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 6, "no tensor");
}

TEST(SafetensorsFile, ReadsFromDiskAndSaysWhatIsNotThere) {
  const std::string path = ::testing::TempDir() + "mnema_safetensors_test";
  const std::vector<std::byte> bytes = file_of(kHeader, 20);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  const auto file = SafetensorsFile::open(path);
  std::remove(path.c_str());
  ASSERT_TRUE(file.ok()) << file.error().text();
  EXPECT_EQ((*file)->path(), path);
  EXPECT_EQ((*file)->find("weight")->data[3], std::byte{3});
  EXPECT_EQ(SafetensorsFile::open(path).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mnema
