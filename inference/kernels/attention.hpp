// inference/kernels/attention.hpp
//
// Attention of a tile of queries over paged keys and values, in the flash manner: no score matrix of the whole
// sequence, only (maximum, sum, output) per query, merged group by group (Milakov & Gimelshein 2018, "Online normalizer
// calculation for softmax"; Dao et al. 2022, "FlashAttention").
//
// Contract: a query's result has the same bits whether it is computed alone or in a tile, and however its keys are
//           split over threads. Therefore:
//             - a score is one chain of multiply-adds over the key's dimensions, in order;
//             - a group of kGroupPages pages, at fixed positions of the sequence, gives (maximum, sum, output) by
//               itself; sums run over its keys in order, and a key that the query may not see adds exactly 0;
//             - the groups of a query are merged in group order (`merge`), by whichever thread.
//           Two groups may thus be computed by two threads; one group never.
// Threads:  pure functions over the caller's memory.
// Plain data and functions only: the files that implement it are compiled for one instruction set each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mnema {

enum class InstructionSet;

inline constexpr int kAttentionPageTokens = 32;
inline constexpr int kGroupPages = 4;  // 128 positions
inline constexpr int kGroupTokens = kGroupPages * kAttentionPageTokens;
inline constexpr int kAttentionDimMultiple = 16;  // key_dim and value_dim must be multiples of it
inline constexpr int kAttentionDimMax = 1024;
inline constexpr int kAttentionTileRowsMax = 256;

/// K and V of one layer and one KV head in one page.
struct KvBlock {
  void* k;                  // f16 or i8 [key_dim, 32]
  std::uint16_t* k_scales;  // f16 [32], nullptr with f16 keys
  void* v;                  // f16 or i8 [32, value_dim]
  std::uint16_t* v_scales;  // f16 [32], nullptr with f16 values
};

/// What does not change within a layer.
struct AttentionShape {
  int key_dim;
  int value_dim;
  bool int8;       // else f16
  int window;      // a query sees this many positions, itself included; 0 = all before it
  float soft_cap;  // scores become cap·tanh(score / cap); 0 = off
};

/// Queries that share one KV head: `heads` query heads of each of `tokens` consecutive tokens, already rotated and
/// scaled. Row r of the tile is head r % heads of token r / heads.
struct AttentionTile {
  const float* queries;      // f32 [tokens][heads, key_dim]
  std::size_t token_stride;  // floats from one token's heads to the next
  int tokens;
  int heads;     // tokens · heads ≤ kAttentionTileRowsMax
  int position;  // of the first token
};

/// What the rows of a tile have seen so far.
struct AttentionState {
  float* maximum;  // [rows]
  float* sum;      // [rows]
  float* out;      // [rows, value_dim], not yet divided by sum
};

/// Memory that one thread needs beside the state, in floats.
[[nodiscard]] constexpr std::size_t attention_scratch_floats(int key_dim, int value_dim) {
  int dim = key_dim > value_dim ? key_dim : value_dim;
  return static_cast<std::size_t>(kAttentionPageTokens * dim + kGroupTokens * kAttentionTileRowsMax);
}

/// The functions of one instruction set.
struct AttentionKernels {
  /// Sets `rows` states to "nothing seen yet".
  void (*reset)(AttentionState state, int rows, int value_dim);

  /// state = what every row of `tile` sees of `count` consecutive pages of one group, the first of which starts at
  /// `position`: keys not after the query and inside its window. `next` (may be nullptr) is fetched ahead. `scratch` as
  /// attention_scratch_floats says.
  void (*attend_group)(const AttentionShape& shape, const AttentionTile& tile, const KvBlock* pages, int count,
                       int position, const KvBlock* next, AttentionState state, float* scratch);

  /// Adds the later group `group` to `total`, row by row.
  void (*merge)(AttentionState total, AttentionState group, int rows, int value_dim);

  /// Row r of the result, state.out[r] / state.sum[r], goes to out + r·out_stride.
  void (*finish)(AttentionState state, int rows, int value_dim, float* out, std::size_t out_stride);

  /// Stores one token's key and value at `slot` of a page, saturating to what the type holds.
  void (*write_kv)(const AttentionShape& shape, const float* key, const float* value, const KvBlock& page, int slot);
};

[[nodiscard]] const AttentionKernels& attention_kernels(InstructionSet isa);

}  // namespace mnema
