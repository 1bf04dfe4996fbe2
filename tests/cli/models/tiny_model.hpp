// tests/cli/models/tiny_model.hpp
//
// The smallest file that is a whole model: one llama block, 64 wide, the byte alphabet as vocabulary.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "inference/formats/gguf_writer.hpp"
#include "inference/kernels/quantize_blocks.hpp"
#include "inference/tokenizer/byte_alphabet.hpp"

namespace mnema::testing {

struct TinyModel {
  QuantType type = QuantType::kF16;  // of the matrices
  std::string architecture = "llama";
  float first_value = 0.1F;  // of the token embeddings
};

/// Writes `model` to `path`.
inline void write_tiny_model(const std::string& path, const TinyModel& model) {
  constexpr std::uint64_t kWidth = 64, kVocabulary = 257;
  Result<std::unique_ptr<GgufWriter>> created = GgufWriter::create(path);
  ASSERT_TRUE(created.ok());
  GgufWriter& out = **created;
  out.set_string("general.architecture", model.architecture);
  out.set_string("general.name", "tiny");
  const auto integer = [&](const char* key, std::uint32_t value) {
    out.set_integer(model.architecture + "." + key, value);
  };
  integer("block_count", 1);
  integer("context_length", 128);
  integer("embedding_length", kWidth);
  integer("feed_forward_length", kWidth);
  integer("attention.head_count", 2);
  out.set_number(model.architecture + ".attention.layer_norm_rms_epsilon", 1e-5F);
  std::vector<std::string> tokens{"<|endoftext|>"};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(character_of_byte(static_cast<unsigned char>(byte)));
  const std::string merges[] = {"h e"};
  out.set_string("tokenizer.ggml.model", "gpt2");
  out.set_string("tokenizer.ggml.pre", "smollm");
  out.set_strings("tokenizer.ggml.tokens", tokens);
  out.set_strings("tokenizer.ggml.merges", merges);

  struct Tensor {
    const char* name;
    std::uint64_t rows;  // 1: a norm
  };
  const Tensor tensors[] = {
      {"token_embd.weight", kVocabulary}, {"blk.0.attn_norm.weight", 1},     {"blk.0.attn_q.weight", kWidth},
      {"blk.0.attn_k.weight", kWidth},    {"blk.0.attn_v.weight", kWidth},   {"blk.0.attn_output.weight", kWidth},
      {"blk.0.ffn_norm.weight", 1},       {"blk.0.ffn_gate.weight", kWidth}, {"blk.0.ffn_up.weight", kWidth},
      {"blk.0.ffn_down.weight", kWidth},  {"output_norm.weight", 1},
  };
  for (const Tensor& tensor : tensors) {
    const std::uint64_t shape[] = {kWidth, tensor.rows};
    out.declare(tensor.name, tensor.rows == 1 ? QuantType::kF32 : model.type,
                std::span(shape).first(tensor.rows == 1 ? 1 : 2));
  }
  std::mt19937 random(1);
  std::normal_distribution<float> bell(0, 0.125F);
  for (const Tensor& tensor : tensors) {
    const QuantType type = tensor.rows == 1 ? QuantType::kF32 : model.type;
    std::vector<float> values(kWidth, 1.0F);
    std::vector<std::byte> row(row_bytes(type, kWidth));
    for (std::uint64_t i = 0; i < tensor.rows; ++i) {
      if (tensor.rows > 1) {
        for (float& value : values) value = bell(random);
      }
      if (i == 0 && tensor.rows == kVocabulary) values[0] = model.first_value;
      quantize_row(type, values, row.data());
      ASSERT_TRUE(out.append(row).ok());
    }
  }
  ASSERT_TRUE(out.finish().ok());
}

}  // namespace mnema::testing
