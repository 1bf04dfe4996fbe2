#include "memory/vector/hnsw.hpp"

// Prefetching reads one link past the end of a full list; it must not be built in.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "memory/vector/byte_stream.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

// Marks a removed record in place of its group. hnswlib's own mark makes its inserts fail once a neighbourhood has
// nothing but marked nodes, and takes a slower search for the whole segment.
constexpr VectorGroup kRemoved = std::numeric_limits<VectorGroup>::max();
constexpr std::uint64_t kCapacityMax = std::uint64_t{1} << 24;
constexpr int kLevelMax = 32;
constexpr int kLinksMax = 128;

Error corrupt(const char* what) { return fail(ErrorCode::kCorrupt, std::string("vector segment: ") + what); }

}  // namespace

struct HnswSegment::Graph final : hnswlib::SpaceInterface<float> {
  using Index = hnswlib::HierarchicalNSW<float>;

  Graph(VectorCodec vector_codec, std::size_t capacity, HnswParameters parameters)
      : codec(vector_codec),
        index(this, capacity, static_cast<std::size_t>(parameters.links),
              static_cast<std::size_t>(parameters.construction_width)) {}

  size_t get_data_size() override { return codec.record_bytes(); }
  hnswlib::DISTFUNC<float> get_dist_func() override {
    return [](const void* a, const void* b, const void* codec_of_both) {
      return 1.0F - static_cast<const VectorCodec*>(codec_of_both)
                        ->similarity(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b));
    };
  }
  void* get_dist_func_param() override { return &codec; }

  [[nodiscard]] std::byte* record(std::size_t node) const {
    return reinterpret_cast<std::byte*>(index.getDataByInternalId(static_cast<hnswlib::tableint>(node)));
  }
  [[nodiscard]] VectorLabel label(std::size_t node) const {
    return static_cast<VectorLabel>(index.getExternalLabel(static_cast<hnswlib::tableint>(node)));
  }
  [[nodiscard]] bool is_removed(std::size_t node) const { return codec.group_of(record(node)) == kRemoved; }
  /// Finds the node of a live label; false: none.
  [[nodiscard]] bool find(VectorLabel wanted, std::size_t& node) const {
    const auto found = index.label_lookup_.find(static_cast<hnswlib::labeltype>(wanted));
    if (found == index.label_lookup_.end()) return false;
    node = found->second;
    return !is_removed(node);
  }
  [[nodiscard]] Status check_links() const;

  VectorCodec codec;
  Index index;
  std::size_t removed = 0;
};

HnswSegment::HnswSegment(VectorCodec codec, std::size_t capacity, HnswParameters parameters)
    : codec_(codec), parameters_(parameters), graph_(std::make_unique<Graph>(codec, capacity, parameters)) {
  CHECK(capacity > 0 && capacity <= kCapacityMax, "a segment holds 1 to 2^24 vectors");
  CHECK(parameters.links >= 2 && parameters.links <= kLinksMax, "a node has 2 to 128 links");
}

HnswSegment::~HnswSegment() = default;

std::size_t HnswSegment::capacity() const { return graph_->index.max_elements_; }
std::size_t HnswSegment::size() const { return graph_->index.cur_element_count; }
std::size_t HnswSegment::removed() const { return graph_->removed; }

bool HnswSegment::add(VectorLabel label, const std::byte* record) {
  CHECK(!full(), "a full segment takes no more");
  // hnswlib takes a known label for an update, which leaves nodes nobody links to.
  if (const auto known = graph_->index.label_lookup_.find(static_cast<hnswlib::labeltype>(label));
      known != graph_->index.label_lookup_.end()) {
    if (!graph_->is_removed(known->second)) return false;
    std::memcpy(graph_->record(known->second), record, codec_.record_bytes());
    --graph_->removed;
    return true;
  }
  graph_->index.addPoint(record, static_cast<hnswlib::labeltype>(label));
  return true;
}

bool HnswSegment::remove(VectorLabel label) {
  std::size_t node;
  if (!graph_->find(label, node)) return false;
  std::memcpy(graph_->record(node) + codec_.dimensions() + sizeof(float), &kRemoved, sizeof kRemoved);
  ++graph_->removed;
  return true;
}

const std::byte* HnswSegment::find(VectorLabel label) const {
  std::size_t node;
  return graph_->find(label, node) ? graph_->record(node) : nullptr;
}

std::size_t HnswSegment::search(const std::byte* query, std::size_t width, const VectorFilter& filter,
                                BestMatches& best) const {
  std::size_t admitted = 0;
  auto found = graph_->index.searchKnn(query, width);
  for (; !found.empty(); found.pop()) {
    const auto label = static_cast<VectorLabel>(found.top().second);
    const std::byte* record = find(label);
    if (record == nullptr || !filter.admits(label, codec_.group_of(record))) continue;
    best.offer({label, 1.0F - found.top().first});
    ++admitted;
  }
  return admitted;
}

void HnswSegment::scan(const std::byte* query, const VectorFilter& filter, BestMatches& best) const {
  for (std::size_t node = 0; node < size(); ++node) {
    const std::byte* record = graph_->record(node);
    const VectorGroup group = codec_.group_of(record);
    if (group == kRemoved) continue;
    const VectorLabel label = graph_->label(node);
    if (filter.admits(label, group)) best.offer({label, codec_.similarity(query, record)});
  }
}

std::vector<VectorLabel> HnswSegment::live_labels(std::size_t count_max) const {
  std::vector<VectorLabel> labels;
  for (std::size_t node = 0; node < size() && labels.size() < count_max; ++node) {
    if (!graph_->is_removed(node)) labels.push_back(graph_->label(node));
  }
  return labels;
}

std::size_t HnswSegment::memory_bytes() const {
  constexpr std::size_t kPerNode = sizeof(std::mutex) + sizeof(char*) + sizeof(int) + sizeof(hnswlib::vl_type) + 40;
  return size() * (graph_->index.size_data_per_element_ + kPerNode + graph_->index.size_links_per_element_ / 15);
}

void HnswSegment::check_integrity() const {
  std::size_t removed = 0;
  for (std::size_t node = 0; node < size(); ++node) removed += graph_->is_removed(node) ? 1 : 0;
  CHECK(removed == graph_->removed, "removed vectors are counted");
  CHECK(graph_->index.label_lookup_.size() == size(), "each node has one label of its own");
  const Status links = graph_->check_links();
  CHECK(links.ok(), "every link points to a node of its level");
}

Status HnswSegment::Graph::check_links() const {
  const std::size_t count = index.cur_element_count;
  if (count == 0) return {};
  if (index.enterpoint_node_ >= count) return corrupt("the entry point is no node");
  if (index.element_levels_[index.enterpoint_node_] != index.maxlevel_) return corrupt("the entry point is not on top");
  for (std::size_t node = 0; node < count; ++node) {
    for (int level = 0; level <= index.element_levels_[node]; ++level) {
      hnswlib::linklistsizeint* list = index.get_linklist_at_level(static_cast<hnswlib::tableint>(node), level);
      const std::size_t links = index.getListCount(list);
      if (links > (level == 0 ? index.maxM0_ : index.maxM_)) return corrupt("a node has too many links");
      const auto* targets = reinterpret_cast<const hnswlib::tableint*>(list + 1);
      for (std::size_t i = 0; i < links; ++i) {
        if (targets[i] >= count || index.element_levels_[targets[i]] < level) return corrupt("a link leads nowhere");
      }
    }
  }
  return {};
}

// capacity u64 | count u64 | top level i32 | entry u32 | links i32 | construction width i32
// | ground level [count, size_data_per_element] | per node: level u32, upper links [level, size_links_per_element]
void HnswSegment::write(ByteSink& sink) const {
  const Graph::Index& index = graph_->index;
  sink.write_number<std::uint64_t>(index.max_elements_);
  sink.write_number<std::uint64_t>(index.cur_element_count);
  sink.write_number<std::int32_t>(index.maxlevel_);
  sink.write_number<std::uint32_t>(index.enterpoint_node_);
  sink.write_number<std::int32_t>(parameters_.links);
  sink.write_number<std::int32_t>(parameters_.construction_width);
  sink.write(index.data_level0_memory_, index.cur_element_count * index.size_data_per_element_);
  for (std::size_t node = 0; node < size(); ++node) {
    const int level = index.element_levels_[node];
    sink.write_number<std::uint32_t>(static_cast<std::uint32_t>(level));
    if (level > 0) sink.write(index.linkLists_[node], static_cast<std::size_t>(level) * index.size_links_per_element_);
  }
}

Result<std::unique_ptr<HnswSegment>> HnswSegment::read(VectorCodec codec, std::size_t capacity_max,
                                                       ByteSource& source) {
  std::uint64_t capacity = 0;
  std::uint64_t count = 0;
  std::int32_t top_level = 0;
  std::uint32_t entry = 0;
  HnswParameters parameters;
  RETURN_IF_ERROR(source.read_number(capacity));
  RETURN_IF_ERROR(source.read_number(count));
  RETURN_IF_ERROR(source.read_number(top_level));
  RETURN_IF_ERROR(source.read_number(entry));
  RETURN_IF_ERROR(source.read_number(parameters.links));
  RETURN_IF_ERROR(source.read_number(parameters.construction_width));
  if (capacity == 0 || capacity > std::min<std::uint64_t>(capacity_max, kCapacityMax) || count > capacity) {
    return corrupt("impossible capacity");
  }
  if (parameters.links < 2 || parameters.links > kLinksMax) return corrupt("impossible number of links");
  if (parameters.construction_width < 1 || parameters.construction_width > 65'536) return corrupt("impossible width");
  if (count > source.remaining() / codec.record_bytes()) return corrupt("shorter than its count says");

  std::unique_ptr<HnswSegment> segment;
  try {
    segment = std::make_unique<HnswSegment>(codec, capacity, parameters);
  } catch (const std::exception&) {
    return fail(ErrorCode::kResourceExhausted, "no memory for a vector segment");
  }
  Graph& graph = *segment->graph_;
  Graph::Index& index = graph.index;
  RETURN_IF_ERROR(source.read(index.data_level0_memory_, count * index.size_data_per_element_));
  // hnswlib's destructor frees the upper links of the first cur_element_count nodes: count only what is whole.
  for (std::uint64_t node = 0; node < count; ++node) {
    std::uint32_t level = 0;
    RETURN_IF_ERROR(source.read_number(level));
    if (level > kLevelMax) return corrupt("impossible level");
    if (level > 0) {
      const std::size_t bytes = level * index.size_links_per_element_;
      index.linkLists_[node] = static_cast<char*>(std::malloc(bytes));
      if (index.linkLists_[node] == nullptr)
        return fail(ErrorCode::kResourceExhausted, "no memory for a vector segment");
    }
    index.element_levels_[node] = static_cast<int>(level);
    index.cur_element_count = node + 1;
    if (level > 0) RETURN_IF_ERROR(source.read(index.linkLists_[node], level * index.size_links_per_element_));
    index.label_lookup_[index.getExternalLabel(static_cast<hnswlib::tableint>(node))] =
        static_cast<hnswlib::tableint>(node);
    if (graph.is_removed(node)) ++graph.removed;
  }
  index.maxlevel_ = count == 0 ? -1 : top_level;
  index.enterpoint_node_ = count == 0 ? static_cast<hnswlib::tableint>(-1) : entry;
  index.level_generator_.seed(static_cast<std::uint32_t>(count) + 1);  // not the levels of the first nodes again
  if (index.label_lookup_.size() != count) return corrupt("a label stands twice");
  RETURN_IF_ERROR(graph.check_links());
  return segment;
}

}  // namespace mnema
