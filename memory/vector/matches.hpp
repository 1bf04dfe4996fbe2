// memory/vector/matches.hpp
//
// What a vector search is asked and answers: a filter, matches, and the heap that keeps the best of them.
//
// Threads: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "memory/vector/codec.hpp"

namespace mnema {

struct VectorMatch {
  VectorLabel label = 0;
  float similarity = 0;

  /// Best first; of equals the older one, so that results do not depend on how the search was split.
  friend bool operator<(const VectorMatch& a, const VectorMatch& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.label < b.label;
  }
};

/// Which vectors count. Both empty: all.
struct VectorFilter {
  std::vector<VectorGroup> groups;  // sorted; only vectors of these groups
  std::vector<VectorLabel> labels;  // sorted; only these
  bool nothing = false;             // the asker may see nothing

  [[nodiscard]] bool all() const { return !nothing && groups.empty() && labels.empty(); }
  [[nodiscard]] bool admits(VectorLabel label, VectorGroup group) const {
    if (nothing) return false;
    if (!groups.empty() && !std::binary_search(groups.begin(), groups.end(), group)) return false;
    return labels.empty() || std::binary_search(labels.begin(), labels.end(), label);
  }
};

/// The best `count` of what is offered.
class BestMatches {
 public:
  explicit BestMatches(std::size_t count) : count_(count) { heap_.reserve(count + 1); }

  [[nodiscard]] bool full() const { return heap_.size() == count_; }
  /// False: `offer` would not keep it, whatever its label.
  [[nodiscard]] bool wants(float similarity) const {
    return count_ > 0 && (!full() || similarity >= heap_.front().similarity);
  }
  void offer(VectorMatch match) {
    if (count_ == 0 || (full() && !(match < heap_.front()))) return;
    heap_.push_back(match);
    std::push_heap(heap_.begin(), heap_.end());
    if (heap_.size() > count_) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
    }
  }

  /// Best first; empties this.
  [[nodiscard]] std::vector<VectorMatch> take() {
    std::sort_heap(heap_.begin(), heap_.end());
    return std::move(heap_);
  }

 private:
  std::size_t count_;
  std::vector<VectorMatch> heap_;  // the worst on top
};

}  // namespace mnema
