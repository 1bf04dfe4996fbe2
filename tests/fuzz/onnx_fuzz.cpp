// tests/fuzz/onnx_fuzz.cpp
//
// A hostile ONNX file is refused or read: every byte of a tensor may be read, and is as many as its shape says; as an
// encoder's weights its tensors have as many numbers as their shapes say; an encoder that loads computes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "inference/formats/onnx.hpp"
#include "inference/model/encoder.hpp"
#include "inference/model/encoder_weights.hpp"
#include "runtime/base/check.hpp"

namespace {

void read_numbers(const mnema::EncoderWeights& weights, const std::string& name) {
  const auto shape = weights.shape(name);
  const auto numbers = weights.numbers(name);
  if (!shape || !numbers.ok()) return;
  std::uint64_t values = 1;
  for (const std::uint64_t length : *shape) values *= length;
  CHECK(numbers->size() == values, "as many numbers as the shape says");
}

/// By the names of its tensors and, as "/a/b/MatMul" stands for "a.b.weight", of its nodes.
void read_as_weights(const std::shared_ptr<const mnema::OnnxFile>& file, const mnema::EncoderWeights& weights) {
  constexpr std::size_t kEnough = 64;
  for (std::size_t i = 0; i < std::min(kEnough, file->tensors().size()); ++i) {
    std::string name = file->tensors()[i].name;
    read_numbers(weights, name);
    if (name.ends_with("_quantized")) read_numbers(weights, name.substr(0, name.rfind('_')));
  }
  for (std::size_t i = 0; i < std::min(kEnough, file->nodes().size()); ++i) {
    std::string name = file->nodes()[i].name;
    if (!name.starts_with('/') || name.rfind('/') == 0) continue;
    name = name.substr(1, name.rfind('/') - 1);
    std::replace(name.begin(), name.end(), '/', '.');
    read_numbers(weights, name + ".weight");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto file = mnema::OnnxFile::parse(bytes, "fuzz.onnx");
  if (!file.ok()) return 0;
  std::size_t sum = 0;
  for (const mnema::OnnxTensor& tensor : (*file)->tensors()) {
    for (const std::byte byte : tensor.data) sum += static_cast<std::size_t>(byte);
    std::uint64_t values = 1;
    for (const std::uint64_t length : tensor.shape) values *= length;
    CHECK(values == 0 ? tensor.data.empty() : tensor.data.size() % values == 0, "the bytes are the shape's");
    CHECK((*file)->find(tensor.name) == &tensor, "a tensor is found by its name");
  }
  for (const mnema::OnnxNode& node : (*file)->nodes()) sum += node.name.size() + node.inputs.size();
  const auto weights = mnema::EncoderWeights::of(*file);
  read_as_weights(*file, *weights);
  static mnema::ThreadPool pool(1, false);
  const auto encoder = mnema::Encoder::load(*weights, {.tokens_max = 3}, mnema::InstructionSet::kScalar, pool);
  if (encoder.ok()) {
    const std::vector<mnema::TokenId> text(3, 0);
    CHECK((*encoder)->encode({&text, 1})[0].size() == static_cast<std::size_t>((*encoder)->dimensions()), "a vector");
  }
  return sum == static_cast<std::size_t>(-1) ? 1 : 0;
}
