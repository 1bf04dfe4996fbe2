#include "cli/bench/vectors_hnswlib.hpp"

#include <hnswlib/hnswlib.h>

#include "memory/vector/distance.hpp"

namespace mnema {

struct HnswlibIndex::Library final : hnswlib::SpaceInterface<float> {
  Library(std::size_t size, std::size_t capacity, int links, int construction_width)
      : dimensions(size),
        index(this, capacity, static_cast<std::size_t>(links), static_cast<std::size_t>(construction_width)) {}

  size_t get_data_size() override { return dimensions * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override {
    return [](const void* a, const void* b, const void* space) {
      const auto* own = static_cast<const Library*>(static_cast<const hnswlib::SpaceInterface<float>*>(space));
      return 1.0F - own->dot(static_cast<const float*>(a), static_cast<const float*>(b), own->dimensions);
    };
  }
  void* get_dist_func_param() override { return static_cast<hnswlib::SpaceInterface<float>*>(this); }

  std::size_t dimensions;
  float (*dot)(const float*, const float*, std::size_t) = distance_kernels().dot_f32;
  hnswlib::HierarchicalNSW<float> index;
};

HnswlibIndex::HnswlibIndex(std::size_t dimensions, std::size_t capacity, int links, int construction_width)
    : library_(std::make_unique<Library>(dimensions, capacity, links, construction_width)) {}

HnswlibIndex::~HnswlibIndex() = default;

void HnswlibIndex::add(VectorLabel label, std::span<const float> vector) {
  library_->index.addPoint(vector.data(), static_cast<hnswlib::labeltype>(label));
}

void HnswlibIndex::set_width(std::size_t width) { library_->index.setEf(width); }

std::vector<VectorLabel> HnswlibIndex::search(std::span<const float> query, std::size_t count) const {
  std::vector<VectorLabel> labels;
  for (auto found = library_->index.searchKnn(query.data(), count); !found.empty(); found.pop()) {
    labels.push_back(static_cast<VectorLabel>(found.top().second));
  }
  return labels;
}

}  // namespace mnema
