// tests/inference/model/small_model.hpp
//
// Models small enough to be written by a test: random weights of several types in the shapes of llama (grouped queries,
// separate output) and gemma3 (sliding window, norms per head, norms after, tied output).
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "tests/inference/formats/gguf_builder.hpp"
#include "tests/inference/kernels/random_rows.hpp"

namespace mnema::testing {

struct SmallModel {
  static constexpr int kVocabulary = 200, kWindow = 40;
  static constexpr std::uint64_t kEmbedding = 256, kFeedForward = 256, kHeads = 6, kKvHeads = 2, kHeadDim = 32;

  std::vector<std::byte> bytes;
  std::shared_ptr<GgufFile> file;  // points into `bytes`
};

/// `architecture`: "llama" or "gemma3".
inline SmallModel small_model(const std::string& architecture, std::uint32_t layers = 3) {
  using M = SmallModel;
  const bool gemma = architecture == "gemma3";
  std::mt19937 random(17);
  GgufBuilder file;
  const auto key = [&](const char* name) { return architecture + "." + name; };
  file.string("general.architecture", architecture).integer(key("block_count"), layers);
  file.integer(key("embedding_length"), M::kEmbedding).integer(key("feed_forward_length"), M::kFeedForward);
  file.integer(key("attention.head_count"), M::kHeads).integer(key("attention.head_count_kv"), M::kKvHeads);
  file.integer(key("attention.key_length"), M::kHeadDim).integer(key("attention.value_length"), M::kHeadDim);
  file.integer(key("context_length"), 4096).number(key("attention.layer_norm_rms_epsilon"), 1e-5F);
  if (gemma) {
    file.integer(key("attention.sliding_window"), M::kWindow).integer(key("attention.sliding_window_pattern"), 2);
  }
  // Scales that give weights of about 1/√columns, so that attention looks at more than one key.
  const auto matrix = [&](const std::string& name, QuantType type, unsigned exponent, std::uint64_t columns,
                          std::uint64_t rows) {
    file.tensor(name, type, {columns, rows}, random_rows(type, rows, columns, random, exponent));
  };
  const auto norm = [&](const std::string& name, std::size_t size) {
    std::vector<float> values(size);
    for (float& value : values) value = std::uniform_real_distribution<float>(0.5F, 1.5F)(random);
    file.tensor(name, QuantType::kF32, {size}, std::as_bytes(std::span(values)));
  };
  matrix("token_embd.weight", QuantType::kQ8_0, 5, M::kEmbedding, M::kVocabulary);
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".";
    norm(at + "attn_norm.weight", M::kEmbedding);
    matrix(at + "attn_q.weight", QuantType::kQ4_K, 3, M::kEmbedding, M::kHeads * M::kHeadDim);
    matrix(at + "attn_k.weight", QuantType::kQ4_0, 9, M::kEmbedding, M::kKvHeads * M::kHeadDim);
    matrix(at + "attn_v.weight", QuantType::kQ6_K, 1, M::kEmbedding, M::kKvHeads * M::kHeadDim);
    matrix(at + "attn_output.weight", QuantType::kQ5_0, 8, M::kHeads * M::kHeadDim, M::kEmbedding);
    norm(at + "ffn_norm.weight", M::kEmbedding);
    matrix(at + "ffn_gate.weight", QuantType::kQ4_1, 9, M::kEmbedding, M::kFeedForward);
    matrix(at + "ffn_up.weight", QuantType::kQ8_0, 5, M::kEmbedding, M::kFeedForward);
    matrix(at + "ffn_down.weight", gemma ? QuantType::kIQ4_XS : QuantType::kQ5_K, 2, M::kFeedForward, M::kEmbedding);
    if (gemma) {
      norm(at + "attn_q_norm.weight", M::kHeadDim);
      norm(at + "attn_k_norm.weight", M::kHeadDim);
      norm(at + "post_attention_norm.weight", M::kEmbedding);
      norm(at + "post_ffw_norm.weight", M::kEmbedding);
    }
  }
  norm("output_norm.weight", M::kEmbedding);
  if (!gemma) matrix("output.weight", QuantType::kF16, 9, M::kEmbedding, M::kVocabulary);

  SmallModel model;
  model.bytes = file.build();
  model.file = GgufFile::parse(model.bytes, "small-" + architecture + ".gguf").value();
  return model;
}

}  // namespace mnema::testing
