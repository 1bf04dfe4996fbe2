#include "memory/vector/hnsw.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "memory/vector/byte_stream.hpp"
#include "memory/vector/graph_nodes.hpp"
#include "memory/vector/graph_walk.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr VectorGroup kRemoved = std::numeric_limits<VectorGroup>::max();  // marks a removed record
constexpr std::uint64_t kCapacityMax = std::uint64_t{1} << 24;
constexpr int kLinksMax = 128;
constexpr std::size_t kTogether = 4;  // compared at once

Error corrupt(const char* what) { return fail(ErrorCode::kCorrupt, std::string("vector segment: ") + what); }

}  // namespace

struct HnswSegment::Graph {
  Graph(VectorCodec vector_codec, HnswParameters parameters)
      : codec(vector_codec),
        nodes(vector_codec, static_cast<std::size_t>(parameters.links)),
        construction_width(static_cast<std::size_t>(parameters.construction_width)) {}

  [[nodiscard]] bool is_removed(GraphNode node) const { return codec.group_of(nodes.record(node)) == kRemoved; }
  [[nodiscard]] std::optional<GraphNode> find(VectorLabel label) const {
    const auto node = nodes.find(label);
    return node && !is_removed(*node) ? node : std::nullopt;
  }
  /// Goes down from the entry to the nearest node on the layer above `level`.
  [[nodiscard]] GraphNode descend(GraphWalk& walk, const std::byte* query, int level) const {
    GraphNode nearest = entry;
    for (int above = nodes.level_of(entry); above > level; --above) {
      walk.run(codec, nodes, query, nearest, above, 1);
      nearest = walk.list().at(0).node;
    }
    return nearest;
  }
  /// Compares `record` with up to four nodes; what `out` holds beyond them repeats the last.
  void compare(const std::byte* record, std::span<const GraphNode> some, float* out) const {
    const std::byte* records[kTogether];
    for (std::size_t k = 0; k < kTogether; ++k) records[k] = nodes.record(some[std::min(k, some.size() - 1)]);
    codec.similarities(record, records, out);
  }
  void copy_candidates(const CandidateList& from) {
    candidates.clear();
    for (std::size_t i = 0; i < from.size(); ++i) candidates.push_back(from.at(i));
  }
  void insert(GraphNode node);
  void link_back(GraphNode from, GraphNode to, int level);
  void select(std::size_t links_max);

  VectorCodec codec;
  GraphNodes nodes;
  std::size_t construction_width;
  GraphNode entry = 0;  // a node of the highest level
  std::size_t removed = 0;
  // Reused by inserts.
  std::vector<CandidateList::Candidate> candidates;
  std::vector<GraphNode> selected;
  std::vector<GraphNode> linked;
  std::vector<GraphNode> neighbours;
  CandidateList sorted;
};

/// The paper's SELECT-NEIGHBORS-HEURISTIC, of `candidates`, sorted, to `selected`: those that are nearer to the node
/// than to any selected before, so that links lead into all directions.
void HnswSegment::Graph::select(std::size_t links_max) {
  selected.clear();
  for (const CandidateList::Candidate& candidate : candidates) {
    if (selected.size() == links_max) return;
    bool covered = false;
    for (std::size_t begin = 0; begin < selected.size() && !covered; begin += kTogether) {
      const std::size_t count = std::min(kTogether, selected.size() - begin);
      float similarities[kTogether];
      compare(nodes.record(candidate.node), std::span(selected).subspan(begin, count), similarities);
      for (const float similarity : similarities) covered = covered || 1.0F - similarity < candidate.distance;
    }
    if (!covered) selected.push_back(candidate.node);
  }
}

void HnswSegment::Graph::link_back(GraphNode from, GraphNode to, int level) {
  const std::span<const GraphNode> links = nodes.links(from, level);
  if (links.size() < nodes.links_max(level)) return nodes.add_link(from, level, to);
  neighbours.assign(links.begin(), links.end());
  neighbours.push_back(to);
  for (const GraphNode neighbour : neighbours) nodes.prefetch_record(neighbour);
  sorted.reset(neighbours.size());
  for (std::size_t begin = 0; begin < neighbours.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, neighbours.size() - begin);
    float similarities[kTogether];
    compare(nodes.record(from), std::span(neighbours).subspan(begin, count), similarities);
    for (std::size_t k = 0; k < count; ++k) sorted.offer(1.0F - similarities[k], neighbours[begin + k]);
  }
  copy_candidates(sorted);
  select(nodes.links_max(level));
  nodes.set_links(from, level, selected);
}

void HnswSegment::Graph::insert(GraphNode node) {
  if (node == 0) return;
  GraphWalk& walk = GraphWalk::of_this_thread();
  const std::byte* record = nodes.record(node);
  const int level = nodes.level_of(node);
  const int top = nodes.level_of(entry);
  GraphNode nearest = descend(walk, record, level);
  for (int at = std::min(level, top); at >= 0; --at) {
    walk.run(codec, nodes, record, nearest, at, construction_width);
    nearest = walk.list().at(0).node;
    copy_candidates(walk.list());
    select(nodes.links_max(1));
    nodes.set_links(node, at, selected);
    linked = selected;
    for (const GraphNode neighbour : linked) link_back(neighbour, node, at);
  }
  if (level > top) entry = node;
}

HnswSegment::HnswSegment(VectorCodec codec, std::size_t capacity, HnswParameters parameters)
    : codec_(codec), capacity_(capacity), parameters_(parameters), graph_(std::make_unique<Graph>(codec, parameters)) {
  CHECK(capacity > 0 && capacity <= kCapacityMax, "a segment holds 1 to 2^24 vectors");
  CHECK(parameters.links >= 2 && parameters.links <= kLinksMax, "a node has 2 to 128 links");
  CHECK(parameters.construction_width >= 1, "a walk keeps at least one candidate");
}

HnswSegment::~HnswSegment() = default;

std::size_t HnswSegment::capacity() const { return capacity_; }
std::size_t HnswSegment::size() const { return graph_->nodes.size(); }
std::size_t HnswSegment::removed() const { return graph_->removed; }

bool HnswSegment::add(VectorLabel label, const std::byte* record) {
  CHECK(!full(), "a full segment takes no more");
  if (const auto known = graph_->nodes.find(label)) {
    if (!graph_->is_removed(*known)) return false;
    std::copy_n(record, codec_.record_bytes(), graph_->nodes.record(*known));
    --graph_->removed;
    return true;
  }
  graph_->insert(graph_->nodes.append(label, record));
  return true;
}

bool HnswSegment::remove(VectorLabel label) {
  const auto node = graph_->find(label);
  if (!node) return false;
  codec_.set_group(kRemoved, graph_->nodes.record(*node));
  ++graph_->removed;
  return true;
}

const std::byte* HnswSegment::find(VectorLabel label) const {
  const auto node = graph_->find(label);
  return node ? std::as_const(graph_->nodes).record(*node) : nullptr;
}

std::size_t HnswSegment::search(const std::byte* query, std::size_t width, const VectorFilter& filter,
                                BestMatches& best) const {
  const GraphNodes& nodes = graph_->nodes;
  if (nodes.size() == 0 || filter.nothing || width == 0) return 0;
  GraphWalk& walk = GraphWalk::of_this_thread();
  const GraphNode nearest = graph_->descend(walk, query, 0);
  const auto admits = [&](GraphNode node) {
    const VectorGroup group = codec_.group_of(nodes.record(node));
    return group != kRemoved && (filter.all() || filter.admits(nodes.label(node), group));
  };
  if (filter.all()) {
    walk.run(codec_, nodes, query, nearest, 0, width);
  } else {
    walk.run(codec_, nodes, query, nearest, 0, width, [&](GraphNode node, float distance) {
      if (best.wants(1.0F - distance) && admits(node)) best.offer({nodes.label(node), 1.0F - distance});
    });
  }
  std::size_t admitted = 0;
  for (std::size_t i = 0; i < walk.list().size(); ++i) {
    const auto [distance, node] = walk.list().at(i);
    if (!admits(node)) continue;
    ++admitted;
    if (filter.all()) best.offer({nodes.label(node), 1.0F - distance});
  }
  return admitted;
}

void HnswSegment::scan(const std::byte* query, const VectorFilter& filter, BestMatches& best) const {
  const GraphNodes& nodes = graph_->nodes;
  const bool all = filter.all();
  for (GraphNode node = 0; node < nodes.size(); ++node) {
    const std::byte* record = nodes.record(node);
    const VectorGroup group = codec_.group_of(record);
    if (group == kRemoved || (!all && !filter.admits(nodes.label(node), group))) continue;
    const float similarity = codec_.similarity(query, record);
    if (best.wants(similarity)) best.offer({nodes.label(node), similarity});
  }
}

std::vector<VectorLabel> HnswSegment::live_labels(std::size_t count_max) const {
  std::vector<VectorLabel> labels;
  for (GraphNode node = 0; node < size() && labels.size() < count_max; ++node) {
    if (!graph_->is_removed(node)) labels.push_back(graph_->nodes.label(node));
  }
  return labels;
}

std::size_t HnswSegment::memory_bytes() const { return graph_->nodes.memory_bytes(); }

void HnswSegment::check_integrity() const {
  std::size_t removed = 0;
  int top = 0;
  for (GraphNode node = 0; node < size(); ++node) {
    removed += graph_->is_removed(node) ? 1 : 0;
    top = std::max(top, graph_->nodes.level_of(node));
    const auto found = graph_->nodes.find(graph_->nodes.label(node));
    CHECK(found && *found == node, "each node has one label of its own");
  }
  CHECK(removed == graph_->removed, "removed vectors are counted");
  CHECK(size() == 0 || graph_->nodes.level_of(graph_->entry) == top, "the entry is a node of the highest level");
  const Status links = graph_->nodes.check_links();
  CHECK(links.ok(), "every link points to a node of its level");
}

// capacity u64 | count u64 | links i32 | construction width i32 | nodes
void HnswSegment::write(ByteSink& sink) const {
  sink.write_number<std::uint64_t>(capacity_);
  sink.write_number<std::uint64_t>(size());
  sink.write_number<std::int32_t>(parameters_.links);
  sink.write_number<std::int32_t>(parameters_.construction_width);
  graph_->nodes.write(sink);
}

Result<std::unique_ptr<HnswSegment>> HnswSegment::read(VectorCodec codec, std::size_t capacity_max,
                                                       ByteSource& source) {
  std::uint64_t capacity = 0;
  std::uint64_t count = 0;
  HnswParameters parameters;
  RETURN_IF_ERROR(source.read_number(capacity));
  RETURN_IF_ERROR(source.read_number(count));
  RETURN_IF_ERROR(source.read_number(parameters.links));
  RETURN_IF_ERROR(source.read_number(parameters.construction_width));
  if (capacity == 0 || capacity > std::min<std::uint64_t>(capacity_max, kCapacityMax) || count > capacity) {
    return corrupt("impossible capacity");
  }
  if (parameters.links < 2 || parameters.links > kLinksMax) return corrupt("impossible number of links");
  if (parameters.construction_width < 1 || parameters.construction_width > 65'536) return corrupt("impossible width");
  auto segment = std::make_unique<HnswSegment>(codec, capacity, parameters);
  Graph& graph = *segment->graph_;
  RETURN_IF_ERROR(graph.nodes.read(count, source));
  for (GraphNode node = 0; node < count; ++node) {
    if (graph.is_removed(node)) ++graph.removed;
    if (graph.nodes.level_of(node) > graph.nodes.level_of(graph.entry)) graph.entry = node;
  }
  return segment;
}

}  // namespace mnema
