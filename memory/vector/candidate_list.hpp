// memory/vector/candidate_list.hpp
//
// The list of a walk through a graph: the nearest nodes met so far, at most `width` of them, each with a mark whether
// the walk has been there. One sorted array: for the usual widths moving its end is cheaper than two heaps, and the
// same array is used again by the next walk.
//
// Threads:   confined to one.
// Invariant: sorted by distance, equal ones by node; all before `next_` were visited
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

namespace mnema {

class CandidateList {
 public:
  struct Candidate {
    float distance;
    std::uint32_t node;
  };
  static constexpr std::uint32_t kNodesMax = std::uint32_t{1} << 31;

  void reset(std::size_t width) {
    if (keys_.size() < width) keys_.resize(width);
    width_ = width;
    size_ = 0;
    next_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Preconditions: `node` is not in the list, and is less than kNodesMax.
  void offer(float distance, std::uint32_t node) {
    const std::uint64_t key = key_of(distance, node);
    if (size_ == width_ && (width_ == 0 || key > keys_[size_ - 1])) return;
    const auto begin = keys_.begin();
    const auto place =
        static_cast<std::size_t>(std::lower_bound(begin, begin + static_cast<std::ptrdiff_t>(size_), key) - begin);
    if (size_ < width_) ++size_;
    std::memmove(keys_.data() + place + 1, keys_.data() + place, (size_ - 1 - place) * sizeof(std::uint64_t));
    keys_[place] = key;
    next_ = std::min(next_, place);
  }

  /// The nearest that was not visited, marked as visited; none: all were.
  [[nodiscard]] std::optional<std::uint32_t> visit_next() {
    const std::size_t place = unvisited(next_);
    next_ = place;
    if (place == size_) return {};
    keys_[place] |= kVisited;
    ++next_;
    return node_of(keys_[place]);
  }
  /// What visit_next would return, without the mark.
  [[nodiscard]] std::optional<std::uint32_t> peek_next() const {
    const std::size_t place = unvisited(next_);
    if (place == size_) return {};
    return node_of(keys_[place]);
  }

  [[nodiscard]] Candidate at(std::size_t place) const { return {distance_of(keys_[place]), node_of(keys_[place])}; }

 private:
  static constexpr std::uint64_t kVisited = 1;

  // The bits of a float in the order of its values, the node, the mark.
  static std::uint64_t key_of(float distance, std::uint32_t node) {
    const auto bits = std::bit_cast<std::uint32_t>(distance);
    const std::uint32_t ordered = (bits >> 31) != 0 ? ~bits : bits | 0x8000'0000U;
    return (static_cast<std::uint64_t>(ordered) << 32) | (static_cast<std::uint64_t>(node) << 1);
  }
  static float distance_of(std::uint64_t key) {
    const auto ordered = static_cast<std::uint32_t>(key >> 32);
    return std::bit_cast<float>((ordered >> 31) != 0 ? ordered & 0x7fff'ffffU : ~ordered);
  }
  static std::uint32_t node_of(std::uint64_t key) { return static_cast<std::uint32_t>(key) >> 1; }

  [[nodiscard]] std::size_t unvisited(std::size_t place) const {
    while (place < size_ && (keys_[place] & kVisited) != 0) ++place;
    return place;
  }

  std::vector<std::uint64_t> keys_;  // [width or more]
  std::size_t width_ = 0;
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

}  // namespace mnema
