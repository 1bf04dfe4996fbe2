// inference/formats/safetensors.hpp
//
// A safetensors file, mapped: eight bytes of header length, a JSON header, then the tensors' bytes.
// Source: the format description of the safetensors project, version 0.4.
//
// Threads: immutable once open; any thread.
// Trust:   none. Every range lies inside the file and agrees with its shape, or the file is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/formats/mapped_file.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct SafeTensor {
  std::string name;
  std::string type;                  // "F32", "F16", "BF16", "I64", ...
  std::vector<std::uint64_t> shape;  // outermost first
  std::span<const std::byte> data;
};

class SafetensorsFile {
 public:
  /// Errors: `kNotFound`, `kCorrupt` (what does not agree).
  [[nodiscard]] static Result<std::shared_ptr<SafetensorsFile>> open(const std::string& path);
  /// The same over bytes in memory, which must outlive the file.
  [[nodiscard]] static Result<std::shared_ptr<SafetensorsFile>> parse(std::span<const std::byte> bytes,
                                                                      std::string name);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<SafeTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const SafeTensor* find(std::string_view name) const;  // nullptr where absent

 private:
  MappedFile file_;
  std::string path_;
  std::vector<SafeTensor> tensors_;
};

}  // namespace mnema
