// memory/vector/codec.hpp
//
// How a vector is kept in memory: int8 with one scale per vector, compared by an integer instruction, and two bits more
// per component that rank the best of what was found so (rescoring): 384 floats take 488 bytes. Without the two bits
// one in a hundred of the ten nearest is lost to rounding.
//
//   record: int8 code [dimensions] | float32 scale | uint32 group | uint2 rest [dimensions]
//           value[i] ~ scale * (code[i] + (rest[i] - 1.5) / 4)
//
// Byte k of the rests holds those of the components k, k + n, k + 2n and k + 3n, n = dimensions / 4 rounded up, from
// its low bits on. `group` says which scope the vector is of, so that a search can pass over what its asker may not
// see.
//
// Threads: immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mnema {

struct DistanceKernels;

using VectorLabel = std::int64_t;   // rowid of memory_vectors; never reused
using VectorGroup = std::uint32_t;  // rowid of memory_scopes

class VectorCodec {
 public:
  /// Precondition: 0 < dimensions <= 131,072.
  explicit VectorCodec(int dimensions);

  [[nodiscard]] int dimensions() const { return dimensions_; }
  [[nodiscard]] std::size_t record_bytes() const { return static_cast<std::size_t>(dimensions_) + 8 + rest_bytes(); }

  /// Of a record, what a comparison by codes reads: its begin.
  [[nodiscard]] std::size_t compared_bytes() const { return static_cast<std::size_t>(dimensions_) + 8; }

  /// Writes the record of `vector` (dimensions() floats) to `record`. Components that are not finite count as 0.
  void encode(std::span<const float> vector, VectorGroup group, std::byte* record) const;
  [[nodiscard]] VectorGroup group_of(const std::byte* record) const;
  /// False: `encode` wrote no such record; comparing it could give what has no order.
  [[nodiscard]] bool sound(const std::byte* record) const;
  void set_group(VectorGroup group, std::byte* record) const;
  /// Inner product of two records by their codes: the cosine, when both vectors had length 1.
  [[nodiscard]] float similarity(const std::byte* a, const std::byte* b) const;
  /// The same of `a` with each of four.
  void similarities(const std::byte* a, const std::byte* const* four, float* out) const;
  /// Inner product of a vector with all that a record says.
  [[nodiscard]] float refined_similarity(std::span<const float> vector, const std::byte* record) const;

 private:
  [[nodiscard]] std::size_t rest_bytes() const { return (static_cast<std::size_t>(dimensions_) + 3) / 4; }

  int dimensions_;
  const DistanceKernels* kernels_;
};

}  // namespace mnema
