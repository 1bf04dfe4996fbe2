#include "inference/model/attention_plan.hpp"

#include <algorithm>

namespace mnema {
namespace {

// Enough rows to pay for converting a page to f32 once per tile, few enough that queries and outputs stay in L2.
constexpr int kTileRows = 128;

// A worker should find about this many tasks: enough that the last one to finish is never far behind, few enough that
// most pages are fetched while their predecessor is computed, by the worker that will read them.
constexpr long kTasksPerThread = 8;

// A tile that is more than this part of a worker's share is split.
constexpr long kSplitTasksPerThread = 4;

constexpr std::size_t kLineFloats = 16;

std::size_t whole_lines(std::size_t floats) { return (floats + kLineFloats - 1) / kLineFloats * kLineFloats; }

int tokens_per_tile(int heads_per_kv) {
  int tokens = kAttentionPageTokens;
  while (tokens > 1 && tokens * heads_per_kv > kTileRows) tokens /= 2;
  return tokens;
}

}  // namespace

std::size_t AttentionPlan::state_floats(int rows, int value_dim) {
  auto count = static_cast<std::size_t>(rows);
  return 2 * whole_lines(count) + count * static_cast<std::size_t>(value_dim);
}

AttentionState AttentionPlan::state_at(float* memory, int rows) {
  std::size_t column = whole_lines(static_cast<std::size_t>(rows));
  return {memory, memory + column, memory + 2 * column};
}

std::size_t AttentionPlan::partial_offset(const Tile& tile, int kv_head, int group) const {
  auto number = static_cast<std::size_t>(kv_head * (tile.end_group - tile.first_group) + group - tile.first_group);
  return tile.partial + number * state_floats(tile.tokens * geometry_.heads_per_kv, geometry_.value_dim);
}

void AttentionPlan::build(std::span<const SequenceStep> batch, const AttentionGeometry& geometry,
                          std::size_t partial_floats_max) {
  geometry_ = geometry;
  tiles_.clear();
  tasks_.clear();
  tile_of_row_.clear();

  int tile_tokens = tokens_per_tile(geometry.heads_per_kv), row = 0;
  long cost = 0;
  auto cost_of = [](const Tile& tile) { return static_cast<long>(tile.tokens) * (tile.end_group - tile.first_group); };
  for (std::size_t s = 0; s < batch.size(); ++s) {
    int position = batch[s].position, end = position + static_cast<int>(batch[s].tokens.size());
    while (position < end) {
      Tile tile{};
      tile.sequence = static_cast<int>(s);
      tile.row = row;
      tile.position = position;
      tile.tokens = std::min((position / tile_tokens + 1) * tile_tokens, end) - position;
      int oldest = geometry.window > 0 ? std::max(0, position - geometry.window + 1) : 0;
      tile.first_group = oldest / kGroupTokens;
      tile.end_group = (position + tile.tokens - 1) / kGroupTokens + 1;
      tile_of_row_.insert(tile_of_row_.end(), static_cast<std::size_t>(tile.tokens), static_cast<int>(tiles_.size()));
      cost += cost_of(tile) * geometry.kv_heads;
      position += tile.tokens;
      row += tile.tokens;
      tiles_.push_back(tile);
    }
  }

  std::size_t used = 0;
  for (Tile& tile : tiles_) {
    int groups = tile.end_group - tile.first_group;
    std::size_t floats = static_cast<std::size_t>(groups * geometry.kv_heads) *
                         state_floats(tile.tokens * geometry.heads_per_kv, geometry.value_dim);
    bool too_long = cost_of(tile) * kSplitTasksPerThread * geometry.threads > cost;
    tile.split = geometry.threads > 1 && groups > 1 && too_long && used + floats <= partial_floats_max;
    if (!tile.split) continue;
    tile.partial = used;
    used += floats;
  }

  const long fair = std::max(1L, cost / (kTasksPerThread * geometry.threads));
  // Late tiles see the most; taking them first leaves the short ones to even out the end.
  for (int t = static_cast<int>(tiles_.size()) - 1; t >= 0; --t) {
    const Tile& tile = tiles_[static_cast<std::size_t>(t)];
    for (int head = 0; head < geometry.kv_heads; ++head) {
      int step = tile.end_group - tile.first_group;
      if (tile.split) step = std::clamp(static_cast<int>(fair / tile.tokens), 1, step);
      for (int group = tile.first_group; group < tile.end_group; group += step) {
        tasks_.push_back({t, head, group, std::min(group + step, tile.end_group)});
      }
    }
  }
}

}  // namespace mnema
