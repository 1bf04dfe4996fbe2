// memory/vector/graph_nodes.hpp
//
// The nodes of a graph in memory. A node's record, label and links of layer 0 lie side by side, from a cache line's
// begin on; nodes lie in blocks of huge pages that are taken as the graph grows. Links of the upper layers, which one
// node in 16 has, lie apart. The layers of a node follow from its number: nothing to keep, nothing to check.
//
//   node: record | int64 label | uint32 number of links | uint32 link [2 * links]     padded to 64 bytes
//
// Threads:   const methods from any thread beside each other; the others alone.
// Invariant: a link leads to a node that has the link's layer   (check_links)
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "memory/vector/codec.hpp"
#include "memory/vector/label_table.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class ByteSink;
class ByteSource;

using GraphNode = std::uint32_t;

class GraphNodes {
 public:
  GraphNodes(VectorCodec codec, std::size_t links);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] int level_of(GraphNode node) const;
  [[nodiscard]] std::size_t links_max(int level) const { return level == 0 ? 2 * links_ : links_; }

  [[nodiscard]] const std::byte* record(GraphNode node) const {
    return blocks_[node / kBlockNodes].get() + (node % kBlockNodes) * stride_;
  }
  [[nodiscard]] std::byte* record(GraphNode node) {
    return blocks_[node / kBlockNodes].get() + (node % kBlockNodes) * stride_;
  }
  [[nodiscard]] VectorLabel label(GraphNode node) const {
    return *reinterpret_cast<const VectorLabel*>(record(node) + label_at_);
  }
  [[nodiscard]] std::optional<GraphNode> find(VectorLabel label) const {
    return labels_.find(label, [this](GraphNode node) { return this->label(node); });
  }
  [[nodiscard]] std::span<const GraphNode> links(GraphNode node, int level) const {
    const std::uint32_t* list = level == 0 ? ground_list(node) : upper_list(node, level);
    return {list + 1, *list};
  }
  /// Precondition: at most links_max(level).
  void set_links(GraphNode node, int level, std::span<const GraphNode> links);
  /// Precondition: fewer than links_max(level) are there.
  void add_link(GraphNode node, int level, GraphNode to);

  /// Appends a node without links. Precondition: the label is not there. Throws std::bad_alloc.
  GraphNode append(VectorLabel label, const std::byte* record);

  // For the processor's cache, ahead of use.
  void prefetch_record(GraphNode node) const { prefetch(record(node), codec_.compared_bytes()); }
  void prefetch_links(GraphNode node) const { prefetch(record(node) + label_at_, stride_ - label_at_); }

  [[nodiscard]] std::size_t memory_bytes() const;
  /// Errors: `kCorrupt`.
  [[nodiscard]] Status check_links() const;

  /// Nodes in order, then their upper links. The number of nodes is the caller's to write.
  void write(ByteSink& sink) const;
  /// Fills an empty one. Errors: `kCorrupt`, `kResourceExhausted`.
  [[nodiscard]] Status read(std::size_t count, ByteSource& source);

 private:
  struct Free {
    void operator()(std::byte* block) const { std::free(block); }
  };
  static constexpr std::size_t kBlockNodes = 1 << 14;

  static void prefetch(const std::byte* from, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at);
  }
  [[nodiscard]] const std::uint32_t* ground_list(GraphNode node) const {
    return reinterpret_cast<const std::uint32_t*>(record(node) + label_at_ + sizeof(VectorLabel));
  }
  [[nodiscard]] const std::uint32_t* upper_list(GraphNode node, int level) const {
    return upper_.data() + upper_at_.at(node) + static_cast<std::size_t>(level - 1) * (1 + links_);
  }
  [[nodiscard]] std::uint32_t* list(GraphNode node, int level) {
    return const_cast<std::uint32_t*>(level == 0 ? ground_list(node) : upper_list(node, level));
  }
  std::byte* take_slot(GraphNode node);

  VectorCodec codec_;
  std::size_t links_;
  std::size_t label_at_;
  std::size_t stride_;
  std::size_t size_ = 0;
  std::vector<std::unique_ptr<std::byte, Free>> blocks_;
  std::vector<std::uint32_t> upper_;                     // per level of a node: number, links [links]
  std::unordered_map<GraphNode, std::size_t> upper_at_;  // where a node's begin
  LabelTable labels_;
};

}  // namespace mnema
