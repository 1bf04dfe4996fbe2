// cli/bench/vectors_hnswlib.hpp
//
// hnswlib over float vectors, the yardstick of `mnema bench vectors`. Its comparison is our own float kernel: the
// library's is as wide only where the whole program is built for one machine.
//
// Threads: `add` by one; `search` from any thread beside other searches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "memory/vector/matches.hpp"

namespace mnema {

class HnswlibIndex {
 public:
  HnswlibIndex(std::size_t dimensions, std::size_t capacity, int links, int construction_width);
  ~HnswlibIndex();
  HnswlibIndex(const HnswlibIndex&) = delete;
  HnswlibIndex& operator=(const HnswlibIndex&) = delete;

  void add(VectorLabel label, std::span<const float> vector);
  /// Of the searches that follow.
  void set_width(std::size_t width);
  /// Best last.
  [[nodiscard]] std::vector<VectorLabel> search(std::span<const float> query, std::size_t count) const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace mnema
