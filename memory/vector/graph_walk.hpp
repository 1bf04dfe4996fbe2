// memory/vector/graph_walk.hpp
//
// One walk through one layer of a graph, from an entry towards a query (the paper's SEARCH-LAYER). The records of a
// node's neighbours that are new are compared four at a time, while those of the next ones are on their way from
// memory.
//
// Threads:   confined to one; `of_this_thread` is reused by all walks of a thread.
// Ownership: borrows the graph for the length of one call.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/vector/candidate_list.hpp"
#include "memory/vector/graph_nodes.hpp"

namespace mnema {

class GraphWalk {
 public:
  static GraphWalk& of_this_thread();

  /// Goes from `entry` to the `width` nearest to `query`, a record, that it finds on `level`. They are then in list().
  /// `on_met(node, distance)` is called for each node compared, the nearest or not.
  template <class OnMet>
  void run(const VectorCodec& codec, const GraphNodes& nodes, const std::byte* query, GraphNode entry, int level,
           std::size_t width, const OnMet& on_met);
  void run(const VectorCodec& codec, const GraphNodes& nodes, const std::byte* query, GraphNode entry, int level,
           std::size_t width) {
    run(codec, nodes, query, entry, level, width, [](GraphNode, float) {});
  }

  [[nodiscard]] const CandidateList& list() const { return list_; }

 private:
  static constexpr std::size_t kTogether = 4;
  static constexpr std::size_t kAhead = 8;  // records fetched before they are compared

  /// False: it was met before.
  bool meet(GraphNode node) {
    std::uint64_t& word = met_[node / 64];
    const std::uint64_t bit = std::uint64_t{1} << (node % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }
  template <class OnMet>
  void compare_new(const VectorCodec& codec, const GraphNodes& nodes, const std::byte* query, const OnMet& on_met);

  CandidateList list_;
  std::vector<std::uint64_t> met_;  // a bit per node: stays in the cache, where a stamp per node would not
  std::vector<GraphNode> new_;      // neighbours not met before
};

template <class OnMet>
void GraphWalk::run(const VectorCodec& codec, const GraphNodes& nodes, const std::byte* query, GraphNode entry,
                    int level, std::size_t width, const OnMet& on_met) {
  met_.assign((nodes.size() + 63) / 64, 0);
  list_.reset(width);
  new_.clear();
  meet(entry);
  new_.push_back(entry);
  compare_new(codec, nodes, query, on_met);
  while (const auto node = list_.visit_next()) {
    if (const auto next = list_.peek_next()) nodes.prefetch_links(*next);
    new_.clear();
    for (const GraphNode neighbour : nodes.links(*node, level)) {
      if (!meet(neighbour)) continue;
      if (new_.size() < kAhead) nodes.prefetch_record(neighbour);
      new_.push_back(neighbour);
    }
    compare_new(codec, nodes, query, on_met);
  }
}

template <class OnMet>
void GraphWalk::compare_new(const VectorCodec& codec, const GraphNodes& nodes, const std::byte* query,
                            const OnMet& on_met) {
  for (std::size_t begin = 0; begin < new_.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, new_.size() - begin);
    for (std::size_t i = begin + kAhead; i < std::min(begin + kAhead + kTogether, new_.size()); ++i) {
      nodes.prefetch_record(new_[i]);
    }
    const std::byte* records[kTogether];
    for (std::size_t k = 0; k < kTogether; ++k) records[k] = nodes.record(new_[begin + std::min(k, count - 1)]);
    float similarities[kTogether];
    codec.similarities(query, records, similarities);
    for (std::size_t k = 0; k < count; ++k) {
      const GraphNode node = new_[begin + k];
      const float distance = 1.0F - similarities[k];
      list_.offer(distance, node);
      on_met(node, distance);
    }
  }
  if (const auto next = list_.peek_next()) nodes.prefetch_links(*next);
}

}  // namespace mnema
