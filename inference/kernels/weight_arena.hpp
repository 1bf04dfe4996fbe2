// inference/kernels/weight_arena.hpp
//
// Where the packed matrices of one model lie: one behind the other in the order in which a step reads them, on huge
// pages where the kernel gives them. A small model's matrices are each smaller than a huge page; with pages of 4 KiB
// the processor's prefetchers stop every 4 KiB and decode loses a tenth of the memory's speed.
//
// Threads:   confined to the thread that loads the model.
// Ownership: what `allocate` gives keeps its chunk alive; the arena itself may go before it.
#pragma once

#include <cstddef>
#include <memory>

namespace mnema {

class WeightArena {
 public:
  /// `bytes` zeros at a cache line of their own, followed by at least one more line that may be read.
  [[nodiscard]] std::shared_ptr<std::byte> allocate(std::size_t bytes);

 private:
  std::shared_ptr<std::byte> chunk_;
  std::size_t used_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace mnema
