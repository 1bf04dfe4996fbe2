#include "inference/kernels/weight_arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
/// Only what is written becomes resident, so a chunk may be larger than its last matrix needs.
constexpr std::size_t kChunkBytes = std::size_t{64} << 20;

std::size_t rounded(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::shared_ptr<std::byte> map_chunk(std::size_t bytes) {
  const std::size_t length = bytes + kHugePage;
  void* memory = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED, "there is memory for weights");
  auto* aligned = reinterpret_cast<std::byte*>(rounded(reinterpret_cast<std::uintptr_t>(memory), kHugePage));
  ::madvise(aligned, bytes, MADV_HUGEPAGE);
  return {aligned, [memory, length](std::byte*) { ::munmap(memory, length); }};
}

}  // namespace

std::shared_ptr<std::byte> WeightArena::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes, kLine) + kLine;
  if (capacity_ - used_ < size) {
    capacity_ = rounded(std::max(size, kChunkBytes), kHugePage);
    chunk_ = map_chunk(capacity_);
    used_ = 0;
  }
  std::byte* begin = chunk_.get() + used_;
  used_ += size;
  return {chunk_, begin};
}

}  // namespace mnema
