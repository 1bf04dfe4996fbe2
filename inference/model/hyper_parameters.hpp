// inference/model/hyper_parameters.hpp
//
// The numbers that turn a pile of matrices into one of the architectures llama, qwen2, qwen3 or gemma3, read from a
// GGUF file's metadata. Sources: ggml's docs/gguf.md for the keys, the models' papers for what they mean.
//
// Threads: plain values.
#pragma once

#include <string>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/elementwise.hpp"
#include "inference/kernels/matmul.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Angles of rotary position embeddings (Su et al. 2021): pair i turns by position · frequencies[i].
struct Rope {
  RopePairing pairing = RopePairing::kHalves;
  std::vector<double> frequencies;  // [rotated dimensions / 2], scaling already inside
};

struct HyperParameters {
  std::string architecture;
  int layers = 0;
  int embedding = 0;  // width of the residual stream
  int feed_forward = 0;
  int heads = 0;
  int kv_heads = 0;  // grouped-query attention: heads / kv_heads query heads share one
  int key_dim = 0;   // per head
  int value_dim = 0;
  int vocabulary = 0;
  int context_length = 0;
  float norm_epsilon = 0;
  float attention_scale = 0;     // multiplies q·k
  float attention_soft_cap = 0;  // 0 = off
  float logit_soft_cap = 0;      // 0 = off
  float embedding_scale = 1;     // gemma3: √embedding
  int window = 0;                // positions a sliding layer sees; 0 = every layer sees all
  int window_pattern = 0;        // layer l is global iff (l + 1) % window_pattern == 0
  GateActivation activation = GateActivation::kSilu;
  bool has_qkv_bias = false;    // required (qwen2)
  bool has_head_norms = false;  // q and k normalised per head before RoPE (qwen3, gemma3)
  bool has_post_norms = false;  // a second norm after attention and feed-forward (gemma3)
  Rope rope;                    // global layers
  Rope rope_sliding;            // sliding layers; empty without them

  [[nodiscard]] bool is_sliding(int layer) const { return window > 0 && (layer + 1) % window_pattern != 0; }
};

/// Reads and checks them. Errors: `kUnsupported` architecture or feature (mixture of experts, layers of different
/// shape, RoPE scaling we lack); `kCorrupt` missing key or a value that makes no sense. Both name the key.
[[nodiscard]] Result<HyperParameters> read_hyper_parameters(const GgufFile& file);

}  // namespace mnema
