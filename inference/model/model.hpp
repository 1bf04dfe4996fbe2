// inference/model/model.hpp
//
// A decoder-only transformer as its GGUF file holds it: hyper-parameters and weights, ready for one instruction set.
//
// Threads:   immutable after `load_model`.
// Ownership: matrices are repacked copies. The embedding table stays in the mapped file, which the model keeps alive;
//            its rows are read as tokens ask for them.
// Invariant: every tensor of the file is used, once; a file with a tensor that we would ignore is refused, because
//            ignoring it would mean computing another model than the one it holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/screened_matrix.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/hyper_parameters.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// A matrix product's weights and, where the architecture has it, its bias.
struct Linear {
  PackedMatrix weight;      // [out, in]
  std::vector<float> bias;  // [out] or empty
};

/// One block. Vectors that an architecture lacks are empty.
struct LayerWeights {
  std::vector<float> attention_norm;        // [embedding]
  Linear query, key, value;                 // [heads·key_dim | kv_heads·key_dim | kv_heads·value_dim, embedding]
  std::vector<float> query_norm, key_norm;  // [key_dim], applied per head before RoPE (qwen3, gemma3)
  Linear output;                            // [embedding, heads·value_dim]
  std::vector<float> attention_post_norm;   // [embedding] (gemma3)
  std::vector<float> ffn_norm;              // [embedding]
  PackedMatrix gate, up;                    // [feed_forward, embedding]
  PackedMatrix down;                        // [embedding, feed_forward]
  std::vector<float> ffn_post_norm;         // [embedding] (gemma3)
};

struct Model {
  HyperParameters parameters;
  std::shared_ptr<GgufFile> file;
  const GgufTensor* token_embedding = nullptr;  // [vocabulary, embedding], in the file's own type
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;  // [embedding]
  ScreenedMatrix output;           // [vocabulary, embedding]; the embedding table again where the file ties them

  std::string weights_digest;     // SHA-256 (hex) over parameters and every tensor's name, type, shape and bytes
  long long bytes_mapped = 0;     // of the file, that stay in use in place: the embedding table
  long long bytes_resident = 0;   // repacked matrices and f32 vectors
  long long bytes_per_token = 0;  // file bytes of all matrices that one decode step reads
};

/// Reads and repacks. The file's pages of repacked tensors are dropped. Errors: see load_cpu_backend.
[[nodiscard]] Result<std::unique_ptr<Model>> load_model(std::shared_ptr<GgufFile> file, InstructionSet isa,
                                                        ThreadPool& pool);

}  // namespace mnema
