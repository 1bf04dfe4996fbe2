// inference/model/attention_plan.hpp
//
// Cuts a batch's attention into tasks that workers take one by one. A task is a tile of consecutive tokens of one
// sequence (never crossing a page border), the query heads of one KV head, and a range of page groups. Usually the
// range is everything the tile can see; a long tile that would keep one worker busy while others wait is split into
// several ranges, and each group's partial result is merged afterwards, in group order.
//
// Invariant: cutting changes who computes, never what: groups stand at fixed positions and are merged in the same order
//            in both cases (kernels/attention.hpp).
// Threads:   `build` by the step's caller before the workers start, then read by all of them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "inference/backend.hpp"
#include "inference/kernels/attention.hpp"

namespace mnema {

/// What the plan must know of a model.
struct AttentionGeometry {
  int kv_heads;
  int heads_per_kv;
  int value_dim;
  int window;  // 0 = none
  int threads;
};

class AttentionPlan {
 public:
  struct Tile {
    int sequence;
    int row;  // first row in the batch
    int tokens;
    int position;
    int first_group, end_group;
    bool split;
    std::size_t partial;  // floats before the first partial state of the tile; meaningful when split
  };
  struct Task {
    int tile;
    int kv_head;
    int first_group, end_group;
  };

  /// `partial_floats_max`: capacity for partial states; tiles that would not fit are left whole.
  void build(std::span<const SequenceStep> batch, const AttentionGeometry& geometry, std::size_t partial_floats_max);

  [[nodiscard]] const std::vector<Task>& tasks() const { return tasks_; }
  [[nodiscard]] const Tile& tile(int index) const { return tiles_[static_cast<std::size_t>(index)]; }
  /// The tile that a row of the batch belongs to.
  [[nodiscard]] const Tile& tile_of_row(int row) const { return tile(tile_of_row_[static_cast<std::size_t>(row)]); }

  /// Where in the partial floats the state of (tile, KV head, group) stands. Precondition: tile.split.
  [[nodiscard]] std::size_t partial_offset(const Tile& tile, int kv_head, int group) const;
  /// Floats of one state of `rows` rows, a whole number of cache lines: maxima, sums, outputs.
  [[nodiscard]] static std::size_t state_floats(int rows, int value_dim);
  /// The state that stands at `memory`.
  [[nodiscard]] static AttentionState state_at(float* memory, int rows);

 private:
  AttentionGeometry geometry_{};
  std::vector<Tile> tiles_;
  std::vector<Task> tasks_;
  std::vector<int> tile_of_row_;
};

}  // namespace mnema
