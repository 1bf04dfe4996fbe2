// inference/model/decoder.hpp
//
// The forward pass of a decoder-only transformer over a batch of sequences with paged KV. `forward` in decoder.cpp is
// the model read top-down, as in the papers (Vaswani et al. 2017; Touvron et al. 2023); every worker runs it from start
// to end on its share of each line, with a barrier where one line needs all of another.
//
// Threads:   `run` from one thread at a time; it lends the pool's workers. Who computes what is decided before they
//            start, except attention tasks, which are taken from a counter.
// Ownership: borrows model, pages and pool; owns the activations, allocated once for `rows_max` rows.
// Contract:  inference/backend.hpp's bit identity: every row is computed by operations whose order depends on the row
//            alone.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "inference/backend.hpp"
#include "inference/kernels/attention.hpp"
#include "inference/kernels/elementwise.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/attention_plan.hpp"
#include "inference/model/batch_rows.hpp"
#include "inference/model/model.hpp"
#include "inference/model/output_layer.hpp"
#include "inference/model/page_store_cpu.hpp"
#include "inference/model/scratch.hpp"

namespace mnema {

class Decoder {
 public:
  Decoder(const Model& model, InstructionSet isa, PageStoreCpu& pages, int rows_max, ThreadPool& pool);

  /// Runs one step and calls the choosers. Preconditions (CHECKed, they are the scheduler's to keep): at least one
  /// token per sequence, at most rows_max in all; page tables cover every position; 0 ≤ logits_wanted ≤ tokens.
  /// Errors: `kInvalidArgument` token id outside the vocabulary; `kContextLengthExceeded`; `kCancelled` when every
  /// sequence was cancelled.
  [[nodiscard]] Status run(std::span<SequenceStep> batch);

 private:
  /// What one worker has to itself.
  struct Worker {
    // What row-wise lines work on: the shared arrays, or in small batches the worker's own.
    float* residual = nullptr;           // f32 [rows, embedding]
    float* normed = nullptr;             // f32 [rows, normed_width]
    QuantizedRows* embedding = nullptr;  // quantised rows of each width
    QuantizedRows* mixed = nullptr;
    QuantizedRows* hidden = nullptr;

    float* own_residual = nullptr;  // [kSmallBatchRows, embedding]
    float* own_normed = nullptr;    // [kSmallBatchRows, normed_width]
    QuantizedRows own_embedding, own_mixed, own_hidden;

    float* state = nullptr;    // two attention states of a tile
    float* scratch = nullptr;  // attention_scratch_floats
  };

  Status check(std::span<const SequenceStep> batch) const;
  void prepare(std::span<SequenceStep> batch);
  void forward(int worker);

  void embed(int worker);
  void normalize(int worker, const std::vector<float>& weight);
  void project_qkv(int worker, const LayerWeights& w);
  void rotate_and_store(int worker, int layer);
  void rotate_head(float* head, const std::vector<float>& norm, int row, bool sliding) const;
  void attend(int worker, int layer);
  void attend_task(Worker& own, const AttentionPlan& plan, const AttentionPlan::Task& task, int layer);
  void gather_attention(int worker, int layer);
  void add_to_residual(int worker, const std::vector<float>& bias, const std::vector<float>& post_norm);
  void quantize_hidden(int worker);

  /// Rows that `worker` treats in row-wise lines: its share, or all of them on its own copy in small batches.
  [[nodiscard]] Share rows_of(int worker) const;
  void quantize(int worker, const float* x, std::size_t stride, QuantizedRows& out);
  /// Needed between a row-wise line and a product that reads all rows; nothing to wait for on own copies.
  void row_barrier(int worker);
  void note_cancellations();

  const Model& model_;
  const HyperParameters& parameters_;
  PageStoreCpu& pages_;
  ThreadPool& pool_;
  const InstructionSet isa_;
  const ElementwiseKernels& elementwise_;
  const AttentionKernels& attention_;
  OutputLayer output_;
  const int rows_max_;
  const bool keep_floats_;  // some matrix is kept in floats and multiplies the activations as they are

  const bool spread_keys_;  // int8 keys are stored turned by a Walsh–Hadamard transform

  // Widths of a row.
  const std::size_t embedding_, query_width_, key_width_, value_width_, qkv_width_, mixed_width_, hidden_width_,
      normed_width_, pairs_;

  // The step in flight.
  std::span<SequenceStep> batch_;
  BatchRows rows_;
  AttentionPlan global_plan_, sliding_plan_;
  bool small_batch_ = false;
  std::vector<char> cancelled_;              // by sequence; written by worker 0 between barriers
  bool all_cancelled_ = false;               // likewise
  std::vector<std::atomic<int>> next_task_;  // by layer
  std::size_t embedding_rows_read_ = 0;      // since the table's pages were last dropped

  // Activations, f32.
  Scratch scratch_;
  float* residual_ = nullptr;   // [rows, embedding]
  float* normed_ = nullptr;     // [rows, normed_width]
  float* qkv_ = nullptr;        // [rows, heads·key_dim + kv_heads·(key_dim + value_dim)]
  float* mixed_ = nullptr;      // [rows, heads·value_dim]
  float* projected_ = nullptr;  // [rows, embedding]
  float* hidden_ = nullptr;     // [rows, feed_forward]
  float* cosines_[2] = {};      // [rows, pairs], global and sliding
  float* sines_[2] = {};
  float* partials_ = nullptr;  // attention states of split tiles
  QuantizedRows quantized_embedding_, quantized_mixed_, quantized_hidden_;
  std::vector<Worker> workers_;
};

}  // namespace mnema
