#include <cstddef>
#include <cstdint>
#include <span>

#include "inference/formats/gguf.hpp"

// A hostile model file is refused or read; every byte a tensor claims lies inside the file.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const mnema::Result<std::shared_ptr<mnema::GgufFile>> file = mnema::GgufFile::parse(bytes, "fuzz.gguf");
  if (!file.ok()) return 0;
  std::size_t sum = 0;
  for (const mnema::GgufTensor& tensor : (*file)->tensors()) {
    for (const std::byte byte : tensor.data) sum += static_cast<std::size_t>(byte);
    sum += tensor.rows() + tensor.columns();
  }
  for (const std::string_view key : (*file)->keys()) {
    sum += (*file)->strings(key).value_or(std::vector<std::string_view>{}).size();
    sum += (*file)->integers(key).value_or(std::vector<std::int64_t>{}).size();
    sum += (*file)->numbers(key).value_or(std::vector<float>{}).size();
    sum += (*file)->string(key).value_or("").size();
  }
  return sum == static_cast<std::size_t>(-1) ? 1 : 0;
}
