// inference/model/scratch.hpp
//
// Memory of a forward pass, laid out once at load and reused by every step: first ask `reserve` for all arrays, then
// `commit`, then read the pointers. Arrays start on their own cache lines; the whole is advised to use huge pages.
//
// Threads: set up by one; the arrays belong to whoever the user of the scratch says.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace mnema {

class Scratch {
 public:
  /// `*array` will point to `floats` zeros after `commit`.
  void reserve(float** array, std::size_t floats);
  void commit();

 private:
  struct Unmap {
    std::size_t bytes;
    void operator()(float* memory) const;
  };
  std::vector<std::pair<float**, std::size_t>> asked_;
  std::unique_ptr<float, Unmap> memory_;
};

}  // namespace mnema
