// memory/vector/byte_stream.hpp
//
// Where the parts of a snapshot are written to and read from. The file behind it (snapshot_file.hpp) adds digest and
// durability.
//
// Threads: confined to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime/base/result.hpp"

namespace mnema {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// Errors are kept and reported by whoever closes the sink.
  virtual void write(const void* bytes, std::size_t count) = 0;

  /// Plain numbers, little-endian as this machine has them.
  template <class T>
    requires std::is_arithmetic_v<T>
  void write_number(T number) {
    write(&number, sizeof number);
  }
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Exactly `count` bytes. Errors: `kCorrupt` (the file ends before), `kStorage`.
  [[nodiscard]] virtual Status read(void* bytes, std::size_t count) = 0;
  /// What is left; whoever reads a length compares with it before allocating.
  [[nodiscard]] virtual std::uint64_t remaining() const = 0;

  template <class T>
    requires std::is_arithmetic_v<T>
  [[nodiscard]] Status read_number(T& number) {
    return read(&number, sizeof number);
  }
};

}  // namespace mnema
