// inference/formats/mapped_file.hpp
//
// A file mapped read-only. The pages come from disk when they are read and may be released with `drop`.
//
// Threads:   immutable; any thread.
// Ownership: the bytes are valid while the object lives.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

class MappedFile {
 public:
  /// Errors: `kNotFound`, `kStorage`, `kInvalidArgument` (a folder).
  [[nodiscard]] static Result<MappedFile> open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Tells the kernel that these bytes of the mapping are not needed now.
  void drop(std::span<const std::byte> bytes) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mnema
