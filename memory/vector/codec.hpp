// memory/vector/codec.hpp
//
// How a vector is kept in memory: int8 with one scale per vector, so that 384 floats take 388 bytes and are compared
// by an integer instruction. The error of a cosine is about 0.003; whoever needs the last digit compares the floats of
// the row (rescoring).
//
//   record: int8 code [dimensions] | float32 scale | uint32 group          value[i] ~ scale * code[i]
//
// `group` says which scope the vector is of, so that a search can pass over what its asker may not see. Records lie
// unaligned inside the graph.
//
// Threads: immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mnema {

using VectorLabel = std::int64_t;   // rowid of memory_vectors; never reused
using VectorGroup = std::uint32_t;  // rowid of memory_scopes

class VectorCodec {
 public:
  /// Precondition: 0 < dimensions <= 131,072.
  explicit VectorCodec(int dimensions);

  [[nodiscard]] int dimensions() const { return dimensions_; }
  [[nodiscard]] std::size_t record_bytes() const { return static_cast<std::size_t>(dimensions_) + 8; }

  /// Writes the record of `vector` (dimensions() floats) to `record`. Components that are not finite count as 0.
  void encode(std::span<const float> vector, VectorGroup group, std::byte* record) const;
  [[nodiscard]] VectorGroup group_of(const std::byte* record) const;
  /// Inner product of two records: the cosine, when both vectors had length 1.
  [[nodiscard]] float similarity(const std::byte* a, const std::byte* b) const;

 private:
  int dimensions_;
  std::int32_t (*dot_)(const std::int8_t*, const std::int8_t*, std::size_t);
};

}  // namespace mnema
