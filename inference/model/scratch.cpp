#include "inference/model/scratch.hpp"

#include <sys/mman.h>

#include <new>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLineFloats = 16;

std::size_t whole_lines(std::size_t floats) { return (floats + kLineFloats - 1) / kLineFloats * kLineFloats; }

}  // namespace

void Scratch::Unmap::operator()(float* memory) const { munmap(memory, bytes); }

void Scratch::reserve(float** array, std::size_t floats) {
  CHECK(memory_ == nullptr, "all arrays are asked for before the first is used");
  asked_.emplace_back(array, floats);
}

void Scratch::commit() {
  std::size_t floats = kLineFloats;
  for (const auto& [array, count] : asked_) floats += whole_lines(count);
  std::size_t bytes = floats * sizeof(float);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  madvise(memory, bytes, MADV_HUGEPAGE);
  memory_ = {static_cast<float*>(memory), Unmap{bytes}};
  float* next = memory_.get();
  for (const auto& [array, count] : asked_) {
    *array = next;
    next += whole_lines(count);
  }
}

}  // namespace mnema
