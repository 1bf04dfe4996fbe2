// memory/vector/label_table.hpp
//
// Which node has a label: open addressing over node numbers, 6 to 12 bytes a label. Labels stand in the nodes and are
// never taken out, because a removed vector keeps its node.
//
// Threads: confined to one writer; `find` beside other `find`s.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "memory/vector/codec.hpp"

namespace mnema {

class LabelTable {
 public:
  /// `label_of(node)` is the label of a node that was added.
  template <class LabelOf>
  [[nodiscard]] std::optional<std::uint32_t> find(VectorLabel label, const LabelOf& label_of) const {
    if (slots_.empty()) return {};
    for (std::size_t at = slot_of(label); slots_[at] != kFree; at = (at + 1) & (slots_.size() - 1)) {
      if (label_of(slots_[at] - 1) == label) return slots_[at] - 1;
    }
    return {};
  }

  /// Precondition: `node` is the next, and its label is not there.
  template <class LabelOf>
  void add(std::uint32_t node, const LabelOf& label_of) {
    if ((static_cast<std::size_t>(node) + 1) * 3 > slots_.size() * 2) {
      slots_.assign(std::max<std::size_t>(16, slots_.size() * 2), kFree);
      for (std::uint32_t known = 0; known < node; ++known) put(known, label_of(known));
    }
    put(node, label_of(node));
  }

  [[nodiscard]] std::size_t memory_bytes() const { return slots_.capacity() * sizeof(std::uint32_t); }

 private:
  static constexpr std::uint32_t kFree = 0;

  [[nodiscard]] std::size_t slot_of(VectorLabel label) const {
    std::uint64_t hash = static_cast<std::uint64_t>(label) * 0x9e37'79b9'7f4a'7c15ULL;
    return (hash ^ (hash >> 32)) & (slots_.size() - 1);
  }
  void put(std::uint32_t node, VectorLabel label) {
    std::size_t at = slot_of(label);
    while (slots_[at] != kFree) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = node + 1;
  }

  std::vector<std::uint32_t> slots_;  // node + 1; a power of two of them
};

}  // namespace mnema
