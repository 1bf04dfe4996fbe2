// tests/fuzz/safetensors_fuzz.cpp
//
// A hostile safetensors file is refused or read; every byte a tensor claims lies inside the file.
#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/formats/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto file = mnema::SafetensorsFile::parse(bytes, "fuzz.safetensors");
  if (!file.ok()) return 0;
  std::size_t sum = 0, claimed = 0;
  for (const mnema::SafeTensor& tensor : (*file)->tensors()) {
    for (const std::byte byte : tensor.data) sum += static_cast<std::size_t>(byte);
    claimed += tensor.data.size();
    CHECK((*file)->find(tensor.name) != nullptr, "a tensor is found by its name");
  }
  CHECK(claimed < size, "no byte belongs to two tensors");
  return sum == static_cast<std::size_t>(-1) ? 1 : 0;
}
