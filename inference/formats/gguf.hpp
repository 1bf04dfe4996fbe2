// inference/formats/gguf.hpp
//
// A GGUF model file (version 2 or 3, little-endian), mapped read-only. Source of the format: ggml's docs/gguf.md.
// A hostile file is refused with the field and the byte offset; nothing is allocated beyond what the file's own size
// can hold.
//
// Threads:   immutable after `open`; any thread.
// Ownership: the mapping lives as long as the GgufFile; tensor data points into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "inference/kernels/quant_type.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct GgufTensor {
  std::string name;
  QuantType type = QuantType::kF32;
  std::vector<std::uint64_t> shape;  // shape[0] is the fastest (columns), as in the file
  std::span<const std::byte> data;

  [[nodiscard]] std::size_t columns() const { return shape.empty() ? 0 : shape[0]; }
  [[nodiscard]] std::size_t rows() const;  // product of the other dimensions
};

class GgufFile {
 public:
  /// Errors: `kNotFound`, `kCorrupt` (truncated, bad magic, lengths beyond the file), `kUnsupported` (version, big
  /// endian, tensor type; names the tensor).
  [[nodiscard]] static Result<std::shared_ptr<GgufFile>> open(const std::string& path);
  /// The same over bytes in memory (fuzzing, tests). The bytes must outlive the file.
  [[nodiscard]] static Result<std::shared_ptr<GgufFile>> parse(std::span<const std::byte> bytes, std::string name);
  ~GgufFile();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] std::uint64_t file_bytes() const;
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const;
  [[nodiscard]] const GgufTensor* find_tensor(std::string_view name) const;  // nullptr where absent

  /// Metadata by key; any integer width is accepted for `integer`. nullopt where absent or of another kind.
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> string(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<std::string_view>> strings(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<float>> numbers(std::string_view key) const;
  [[nodiscard]] std::vector<std::string_view> keys() const;
  /// A metadata value of any kind as it lies in the file, its kind first, for copying it. Empty where absent.
  [[nodiscard]] std::span<const std::byte> encoded(std::string_view key) const;

  /// Tells the kernel that the pages of `data` are no longer needed (after repacking). They come back from disk if
  /// read.
  void drop_pages(std::span<const std::byte> data) const;

  struct State;  // the parsed file; gguf.cpp

 private:
  GgufFile();
  std::unique_ptr<State> state_;
};

}  // namespace mnema
