#include "inference/formats/onnx.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/inference/formats/onnx_builder.hpp"

namespace mnema {
namespace {

using testing::OnnxBuilder;
using testing::OnnxMessage;

Error error_of(const std::string& file) {
  const auto parsed = OnnxFile::parse(testing::bytes_of(file), "test.onnx");
  return parsed.ok() ? Error{ErrorCode::kInternal, "the file was taken", "", false, 0} : parsed.error();
}

void expect_refused(const OnnxMessage& tensor, ErrorCode code, const std::string& words) {
  const Error error = error_of(OnnxBuilder().tensor(tensor).build());
  EXPECT_EQ(error.code, code) << error.text();
  EXPECT_NE(error.message.find(words), std::string::npos) << error.text();
  EXPECT_NE(error.message.find("test.onnx"), std::string::npos);
}

OnnxBuilder whole() {
  OnnxBuilder file;
  file.tensor<float>("weight", OnnxType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
  file.spelled("weight_scale", 0.5F).spelled("weight_zero_point", OnnxType::kInt8, -7);
  file.node("/layer/MatMul", "MatMul", {"x", "weight"});
  return file;
}

TEST(OnnxFile, GivesTensorsAndTheNodesThatReadThem) {
  const std::string bytes = whole().build();
  const auto file = OnnxFile::parse(testing::bytes_of(bytes), "test.onnx");
  ASSERT_TRUE(file.ok()) << file.error().text();
  ASSERT_EQ((*file)->tensors().size(), 3U);
  const OnnxTensor* weight = (*file)->find("weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->type, OnnxType::kFloat);
  EXPECT_EQ(weight->shape, (std::vector<std::uint64_t>{2, 3}));
  float last = 0;
  std::memcpy(&last, weight->data.data() + 20, 4);
  EXPECT_EQ(last, 6);
  float scale = 0;
  std::memcpy(&scale, (*file)->find("weight_scale")->data.data(), 4);
  EXPECT_EQ(scale, 0.5F);
  EXPECT_EQ((*file)->find("weight_zero_point")->data.size(), 1U);
  EXPECT_EQ((*file)->find("weight_zero_point")->data[0], static_cast<std::byte>(-7));
  ASSERT_EQ((*file)->nodes().size(), 1U);
  EXPECT_EQ((*file)->nodes()[0].operation, "MatMul");
  EXPECT_EQ((*file)->nodes()[0].inputs, (std::vector<std::string>{"x", "weight"}));
  EXPECT_EQ((*file)->find("bias"), nullptr);
}

TEST(OnnxFile, IsRefusedOrWholeWhereverItIsCut) {
  const std::string bytes = whole().build();
  const std::size_t after_graph = bytes.size() - 4;  // the last field says which operations there are
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    const auto file = OnnxFile::parse(testing::bytes_of(part), "test.onnx");
    if (size == after_graph) continue;
    ASSERT_FALSE(file.ok()) << "cut at " << size;
    EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
  }
}

TEST(OnnxFile, RefusesATensorWhoseBytesAreNotItsShapes) {
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, {2, 2}).text(9, "12345678"), ErrorCode::kCorrupt, "shape");
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, {1}), ErrorCode::kCorrupt, "shape");
  expect_refused(OnnxBuilder::head("w", OnnxType::kInt8, {3}).number(5, 1).number(5, 2), ErrorCode::kCorrupt, "shape");
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, {1ULL << 40, 1ULL << 40}).text(9, "1234"),
                 ErrorCode::kCorrupt, "larger");
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, {static_cast<std::uint64_t>(-1)}).text(9, "1234"),
                 ErrorCode::kCorrupt, "larger");
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, std::vector<std::uint64_t>(9, 1)).text(9, "1234"),
                 ErrorCode::kCorrupt, "shape");
}

TEST(OnnxFile, KeepsSoManyInputsOfANodeAsAProductHas) {
  OnnxBuilder wide;
  wide.node("/a/Concat", "Concat", std::vector<std::string>(64, ""));
  const std::string bytes = wide.build();
  const auto file = OnnxFile::parse(testing::bytes_of(bytes), "test.onnx");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->nodes()[0].inputs.size(), 4U) << "an input is 2 bytes of a file, and 32 of memory";
}

TEST(OnnxFile, SaysWhatItDoesNotRead) {
  expect_refused(OnnxBuilder::head("w", OnnxType::kFloat, {1}).number(14, 1), ErrorCode::kUnsupported, "another file");
  expect_refused(OnnxBuilder::head("w", static_cast<OnnxType>(8), {1}).text(6, "text"), ErrorCode::kUnsupported,
                 "type 8");
  EXPECT_EQ(error_of(OnnxMessage().number(1, 8).bytes).code, ErrorCode::kCorrupt) << "without a graph";
  EXPECT_EQ(error_of("GGUF and other bytes").code, ErrorCode::kCorrupt);
  EXPECT_EQ(error_of(OnnxBuilder(whole()).spelled("weight", 1.0F).build()).code, ErrorCode::kCorrupt)
      << "two of a name";
  EXPECT_EQ(OnnxFile::open("/no/such/model.onnx").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mnema
