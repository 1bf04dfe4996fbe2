// tests/inference/model/small_model.hpp
//
// Models of a few hundred kilobytes with random weights, one per architecture, as GGUF files in memory: small enough to
// run under sanitizers and against a plain reference, with every feature of their architecture switched on.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "tests/support/gguf_bytes.hpp"

namespace mnema::testing {

struct SmallModelOptions {
  std::string architecture = "llama";
  QuantType type = QuantType::kF32;   // of Q, K, gate, up and output matrix
  QuantType other = QuantType::kF32;  // of V, attention output, down and embeddings
  int layers = 3;
  int embedding = 256;
  int feed_forward = 512;
  int heads = 4;
  int kv_heads = 2;
  int key_dim = 32;  // not embedding / heads: files may give it
  int vocabulary = 160;
  int context_length = 4096;
  float rope_base = 5000;
  int rotated = 0;          // dimensions that RoPE turns; 0 = all
  float linear_factor = 1;  // positions are divided by it in global layers
  bool rope_factors = false;
  int window = 0;
  int window_pattern = 6;
  float attention_soft_cap = 0;
  float logit_soft_cap = 0;
  bool own_output = false;  // output.weight of its own instead of the embedding table
};

/// Rows of random weights of about ±1/√columns, in the encoding of `type`.
inline std::vector<std::byte> random_matrix(QuantType type, std::size_t rows, std::size_t columns,
                                            std::mt19937& random) {
  const float size = 1.0F / std::sqrt(static_cast<float>(columns));
  std::normal_distribution<float> normal(0, size);
  if (type == QuantType::kF32) {
    std::vector<float> values(rows * columns);
    for (float& value : values) value = normal(random);
    return GgufBytes::bytes_of(values);
  }
  std::vector<std::byte> bytes(rows * row_bytes(type, columns));
  const auto half_at = [&](std::size_t at, float value) {
    const std::uint16_t half = f16_from_f32(value);
    std::memcpy(&bytes[at], &half, sizeof half);
  };
  if (type == QuantType::kF16) {
    for (std::size_t at = 0; at < bytes.size(); at += 2) half_at(at, normal(random));
    return bytes;
  }
  // Any integers, and scales that bring them to the wanted size.
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 255U);
  const auto block = static_cast<std::size_t>(traits_of(type).block_bytes);
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    switch (type) {
      case QuantType::kQ8_0:
        half_at(at, size / 74);
        break;
      case QuantType::kQ4_0:
        half_at(at, size / 4.6F);
        break;
      case QuantType::kQ4_1:
        half_at(at, size / 4.6F);
        half_at(at + 2, -7.5F * size / 4.6F);
        break;
      case QuantType::kQ4_K:
        half_at(at, size / 200);
        half_at(at + 2, 7.5F * size / 200);
        break;
      case QuantType::kQ6_K:
        half_at(at + 208, size / 1370);
        break;
      case QuantType::kQ2_K:
        half_at(at + 80, size / 12);
        half_at(at + 82, 1.5F * size / 12);
        break;
      default:
        ADD_FAILURE() << "no random weights of type " << traits_of(type).name;
    }
  }
  return bytes;
}

inline GgufBytes small_model(const SmallModelOptions& o) {
  std::mt19937 random(7);
  GgufBytes file;
  const bool gemma3 = o.architecture == "gemma3", qwen3 = o.architecture == "qwen3";
  const auto key = [&](const std::string& name) { return o.architecture + "." + name; };
  file.set("general.architecture", o.architecture);
  file.set(key("block_count"), o.layers);
  file.set(key("context_length"), o.context_length);
  file.set(key("embedding_length"), o.embedding);
  file.set(key("feed_forward_length"), o.feed_forward);
  file.set(key("attention.head_count"), o.heads);
  file.set(key("attention.head_count_kv"), o.kv_heads);
  file.set(key("attention.key_length"), o.key_dim);
  file.set(key("attention.value_length"), o.key_dim);
  file.set(key("attention.layer_norm_rms_epsilon"), 1e-5F);
  file.set(key("rope.freq_base"), o.rope_base);
  if (o.rotated > 0) file.set(key("rope.dimension_count"), o.rotated);
  if (o.linear_factor != 1) {
    file.set(key("rope.scaling.type"), "linear");
    file.set(key("rope.scaling.factor"), o.linear_factor);
  }
  if (o.window > 0) {
    file.set(key("attention.sliding_window"), o.window);
    file.set(key("attention.sliding_window_pattern"), o.window_pattern);
  }
  if (o.attention_soft_cap > 0) file.set(key("attn_logit_softcapping"), o.attention_soft_cap);
  if (o.logit_soft_cap > 0) file.set(key("final_logit_softcapping"), o.logit_soft_cap);

  const auto matrix = [&](const std::string& name, QuantType type, int rows, int columns) {
    const auto r = static_cast<std::size_t>(rows), c = static_cast<std::size_t>(columns);
    file.tensors[name] = {type, {c, r}, random_matrix(type, r, c, random)};
  };
  const auto vector = [&](const std::string& name, int n, float middle, float spread) {
    std::vector<float> values(static_cast<std::size_t>(n));
    std::normal_distribution<float> normal(middle, spread);
    for (float& value : values) value = normal(random);
    file.floats(name, values);
  };
  matrix("token_embd.weight", o.other, o.vocabulary, o.embedding);
  if (o.own_output) matrix("output.weight", o.type, o.vocabulary, o.embedding);
  vector("output_norm.weight", o.embedding, 2, 0.3F);
  if (o.rope_factors) {
    std::vector<float> factors;
    for (int i = 0; i < (o.rotated > 0 ? o.rotated : o.key_dim) / 2; ++i)
      factors.push_back(1 + 0.5F * static_cast<float>(i));
    file.floats("rope_freqs.weight", factors);
  }
  for (int layer = 0; layer < o.layers; ++layer) {
    const auto name = [layer](const char* part) { return "blk." + std::to_string(layer) + "." + part; };
    const int query = o.heads * o.key_dim, kv = o.kv_heads * o.key_dim;
    vector(name("attn_norm.weight"), o.embedding, 1, 0.2F);
    matrix(name("attn_q.weight"), o.type, query, o.embedding);
    matrix(name("attn_k.weight"), o.type, kv, o.embedding);
    matrix(name("attn_v.weight"), o.other, kv, o.embedding);
    if (o.architecture == "qwen2") {
      vector(name("attn_q.bias"), query, 0, 0.5F);
      vector(name("attn_k.bias"), kv, 0, 0.5F);
      vector(name("attn_v.bias"), kv, 0, 0.5F);
    }
    if (qwen3 || gemma3) {
      vector(name("attn_q_norm.weight"), o.key_dim, 1.3F, 0.2F);
      vector(name("attn_k_norm.weight"), o.key_dim, 1.3F, 0.2F);
    }
    matrix(name("attn_output.weight"), o.other, o.embedding, query);
    vector(name("ffn_norm.weight"), o.embedding, 1, 0.2F);
    matrix(name("ffn_gate.weight"), o.type, o.feed_forward, o.embedding);
    matrix(name("ffn_up.weight"), o.type, o.feed_forward, o.embedding);
    matrix(name("ffn_down.weight"), o.other, o.embedding, o.feed_forward);
    if (gemma3) {
      vector(name("post_attention_norm.weight"), o.embedding, 0.7F, 0.2F);
      vector(name("post_ffw_norm.weight"), o.embedding, 0.7F, 0.2F);
    }
  }
  return file;
}

/// A file parsed from bytes that it keeps.
struct ParsedFile {
  std::vector<std::byte> bytes;
  Result<std::shared_ptr<GgufFile>> file;
  explicit ParsedFile(const GgufBytes& source, const std::string& name = "small.gguf")
      : bytes(source.build()), file(GgufFile::parse(bytes, name)) {}
};

inline std::vector<TokenId> random_tokens(std::size_t n, int vocabulary, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocabulary)));
  return tokens;
}

}  // namespace mnema::testing
