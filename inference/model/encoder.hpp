// inference/model/encoder.hpp
//
// A BERT sentence encoder (MiniLM): texts to L2-normalised vectors, the mean over a text's tokens. Several texts are
// one batch of rows; a text's vector has the same bits in every batch. Source: N. Reimers, I. Gurevych, "Sentence-BERT"
// (2019); J. Devlin et al., "BERT" (2018).
//
// Threads:   `advance` and `encode` from one thread at a time, which is worker 0 of the pool.
// Ownership: owns the repacked weights; borrows the pool, which outlives it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/formats/safetensors.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class Encoder {
 public:
  /// Errors: `kCorrupt` (a tensor is missing or has another shape; named), `kUnsupported` (types other than F32).
  [[nodiscard]] static Result<std::unique_ptr<Encoder>> load(const SafetensorsFile& file, InstructionSet isa,
                                                             ThreadPool& pool);

  [[nodiscard]] int dimensions() const { return static_cast<int>(width_); }
  [[nodiscard]] int tokens_max() const { return kTokensMax; }
  [[nodiscard]] std::size_t vocabulary() const { return vocabulary_; }
  [[nodiscard]] long long weight_bytes() const;

  /// Rows of one batch that is under way, f32. Computed part by part, so that others have the cores in between: of each
  /// layer first the projections of all rows, then what needs those of a whole text.
  struct Rows {
    std::size_t layers_done = 0;
    bool projected = false;      // of the layer under way
    std::size_t part_begin = 0;  // first row of the next part
    std::size_t count = 0;
    std::vector<std::size_t> begins;  // first row of each sequence, and the end
    std::vector<float> x, query, key, value, mixed, hidden;
    QuantizedRows operand, wide;
  };

  /// Preconditions: 1..tokens_max ids each, all inside the vocabulary.
  [[nodiscard]] std::unique_ptr<Rows> begin(std::span<const std::vector<TokenId>> sequences) const;
  /// Computes a part, about the work of `rows_max` rows of a layer at most, one row at the least. Returns how many it
  /// was. However it is cut, the vectors have the same bits.
  [[nodiscard]] std::size_t advance(Rows& rows, std::size_t rows_max);
  [[nodiscard]] bool is_done(const Rows& rows) const { return rows.count == 0 || rows.layers_done == layers_.size(); }
  /// When it is done: one vector f32 [dimensions] per sequence.
  [[nodiscard]] std::vector<std::vector<float>> vectors(const Rows& rows) const;
  /// All of it at once.
  [[nodiscard]] std::vector<std::vector<float>> encode(std::span<const std::vector<TokenId>> sequences);

 private:
  static constexpr int kTokensMax = 256;  // what the model was trained with
  struct Linear {
    PackedMatrix weight;      // [out, in]
    std::vector<float> bias;  // [out]
  };
  struct Norm {
    std::vector<float> weight, bias;  // [width]
  };
  struct Layer {
    Linear query, key, value, output, up, down;
    Norm attention_norm, output_norm;
  };
  /// Rows begin..end-1; not empty.
  struct Part {
    std::size_t begin, end;
  };

  Encoder(InstructionSet isa, ThreadPool& pool) : isa_(isa), pool_(pool) {}
  Status read(const SafetensorsFile& file);
  Result<Linear> linear(const SafetensorsFile& file, const std::string& name, std::size_t out, std::size_t in);
  void embed(std::span<const std::vector<TokenId>> sequences, Rows& rows) const;
  void project(const Layer& layer, Rows& rows, Part part, int worker) const;
  void attend_and_transform(const Layer& layer, Rows& rows, Part part, int worker) const;
  void attend(Rows& rows, Part part, int worker) const;
  void apply(const Linear& linear, const QuantizedRows& x, float* y, int worker) const;
  void add_and_normalise(Rows& rows, Part part, const Norm& norm, int worker) const;

  const InstructionSet isa_;
  ThreadPool& pool_;
  WeightArena arena_;
  std::size_t width_ = 0, hidden_ = 0, heads_ = 0, vocabulary_ = 0;
  std::vector<float> words_, positions_, kind_;  // [vocabulary | 512, width], and the first token type's row
  Norm embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace mnema
