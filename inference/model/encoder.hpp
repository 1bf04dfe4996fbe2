// inference/model/encoder.hpp
//
// A BERT sentence encoder (MiniLM and its kind): texts to L2-normalised vectors. Several texts are one batch of rows,
// packed without padding; a text's vector has the same bits in every batch. The weights are rounded to 8-bit integers
// with a scale per 32 of them, once, at load, and multiplied with activations that are rounded likewise.
// Sources: J. Devlin et al., "BERT" (2018); N. Reimers, I. Gurevych, "Sentence-BERT" (2019).
//
// Threads:   `advance` and `encode` from one thread at a time, which is worker 0 of the pool.
// Ownership: owns the repacked weights; borrows the pool, which outlives it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/kernels/encoder_kernels.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/kernels/weight_arena.hpp"
#include "inference/model/encoder_weights.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// What of a text's final hidden states is its vector: their mean, or that of its first token ("[CLS]").
enum class Pooling { kMean, kFirst };
[[nodiscard]] std::string_view name_of(Pooling pooling);  // "mean" | "first"

class Encoder {
 public:
  struct Options {
    int tokens_max = 256;  // of a text, marks included: what the model was trained with
    Pooling pooling = Pooling::kMean;
  };
  /// Errors: `kCorrupt` (a tensor is missing, has another shape, or numbers that are none; named), `kUnsupported` (its
  /// type or width), `kInvalidArgument` (more tokens than the model has positions).
  [[nodiscard]] static Result<std::unique_ptr<Encoder>> load(const EncoderWeights& weights, Options options,
                                                             InstructionSet isa, ThreadPool& pool);

  [[nodiscard]] int dimensions() const { return static_cast<int>(width_); }
  [[nodiscard]] int layers() const { return static_cast<int>(layers_.size()); }
  [[nodiscard]] int tokens_max() const { return options_.tokens_max; }
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
    std::vector<float> x;             // [count, width]
    std::vector<float> qkv;           // [count, 3 · width]: queries, keys and values, without their biases
    std::vector<float> mixed;         // [count, width]
    std::vector<float> hidden;        // [count, hidden]
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
  /// When it is done: the final hidden states of one sequence's tokens, L2-normalised, f32 [tokens, dimensions].
  [[nodiscard]] std::vector<float> token_vectors(const Rows& rows, std::size_t sequence) const;
  /// All of it at once.
  [[nodiscard]] std::vector<std::vector<float>> encode(std::span<const std::vector<TokenId>> sequences);

 private:
  struct Linear {
    PackedMatrix weight;      // [out, in]
    std::vector<float> bias;  // [out]
  };
  struct Norm {
    std::vector<float> weight, bias;  // [width]
  };
  struct Layer {
    Linear qkv, output, up, down;  // qkv: query, key and value one behind the other
    Norm attention_norm, output_norm;
  };
  /// Rows begin..end-1; not empty.
  struct Part {
    std::size_t begin, end;
  };

  /// Who computes: one of so many workers.
  struct Team {
    int worker, threads;
  };

  Encoder(Options options, InstructionSet isa, ThreadPool& pool)
      : options_(options), isa_(isa), kernels_(encoder_kernels(isa)), pool_(pool) {}
  Status read(const EncoderWeights& weights);
  Result<Layer> read_layer(const EncoderWeights& weights, const std::string& prefix);
  Result<Linear> linear(const EncoderWeights& weights, const std::vector<std::string>& names, std::size_t out,
                        std::size_t in);
  void embed(std::span<const std::vector<TokenId>> sequences, Rows& rows) const;
  void wait_for_all(Team team) const;
  void project(const Layer& layer, Rows& rows, Part part, Team team) const;
  void attend(const Layer& layer, Rows& rows, Part part, Team team) const;
  void transform(const Layer& layer, Rows& rows, Part part, Team team) const;
  void add_and_normalise(Rows& rows, Part part, const Linear& product, const Norm& norm, Team team) const;

  const Options options_;
  const InstructionSet isa_;
  const EncoderKernels& kernels_;
  ThreadPool& pool_;
  WeightArena arena_;
  std::size_t width_ = 0, hidden_ = 0, heads_ = 0, vocabulary_ = 0;
  std::vector<float> words_, positions_, kind_;  // [vocabulary | positions, width], and the first token type's row
  Norm embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace mnema
