// inference/formats/gguf_writer.hpp
//
// Writes a GGUF file (version 3, little-endian): metadata, the list of tensors, then their data in the order declared.
// Only the header is held in memory, so a file may be far larger than it. The file appears under its name when it is
// whole and on disk; until then it is `PATH.PID.part`, which goes away if the writer does.
//
//   create  →  set_*, declare  →  append ...  →  finish
//
// Threads: confined to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/kernels/quant_type.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class GgufWriter {
 public:
  /// Errors: `kStorage` when the folder cannot be written.
  [[nodiscard]] static Result<std::unique_ptr<GgufWriter>> create(const std::string& path);
  ~GgufWriter();
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;

  // Metadata. Each key once, before the first `append`.
  void set_integer(std::string_view key, std::uint32_t value);
  void set_number(std::string_view key, float value);
  void set_boolean(std::string_view key, bool value);
  void set_string(std::string_view key, std::string_view value);
  void set_integers(std::string_view key, std::span<const std::int32_t> values);
  void set_strings(std::string_view key, std::span<const std::string> values);
  /// A value as another file holds it (`GgufFile::encoded`).
  void set_encoded(std::string_view key, std::span<const std::byte> value);

  /// Declares the next tensor, before the first `append`. shape[0] is the fastest (columns), a multiple of the type's
  /// block.
  void declare(std::string_view name, QuantType type, std::span<const std::uint64_t> shape);
  /// Bytes of all tensors declared so far.
  [[nodiscard]] std::uint64_t tensor_bytes() const { return tensor_bytes_; }

  /// The next bytes of the tensors' data. A piece never crosses a tensor's end. Errors: `kStorage` (disk full).
  [[nodiscard]] Status append(std::span<const std::byte> bytes);

  /// Brings the whole file to disk, lets `check` read it under its temporary name, and gives it its own.
  /// Precondition: every declared byte was appended. Errors: `kStorage`, and what `check` says.
  [[nodiscard]] Status finish(const std::function<Status(const std::string& path)>& check = {});

 private:
  GgufWriter(std::string path, std::string part_path, int descriptor);
  void begin_value(std::string_view key, std::uint32_t kind);
  Status write_header();
  Status write(std::span<const std::byte> bytes);

  const std::string path_;
  const std::string part_path_;
  int descriptor_;
  std::string values_;  // as they go into the file
  std::uint64_t value_count_ = 0;
  std::string tensors_;               // their descriptions, likewise
  std::vector<std::uint64_t> sizes_;  // bytes of each tensor
  std::uint64_t offset_ = 0;          // where the next tensor declared begins
  std::uint64_t tensor_bytes_ = 0;    //
  bool header_written_ = false;       //
  std::size_t current_ = 0;           // the tensor being appended
  std::uint64_t current_bytes_ = 0;   // and how much of it is there
};

}  // namespace mnema
