// inference/model/output_layer.hpp
//
// The end of a step: logits of the rows that are asked for, and the choosers of their sequences.
//
// A chooser that only looks at the best tokens (greedy, min-p) does not need all logits: where the output matrix is
// screened (kernels/screened_matrix.hpp), half of its bytes tell which few rows can matter, and only those are computed
// whole. The choice is the one that all logits would have given; their bits are the same in both ways.
//
// Threads:   `choose` is called by every worker of the pool inside a section, with barriers of its own; `prepare` by
//            the step's caller before.
// Ownership: borrows model and pool; owns logits for kLogitRows rows.
#pragma once

#include <span>
#include <vector>

#include "inference/backend.hpp"
#include "inference/kernels/elementwise.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/batch_rows.hpp"
#include "inference/model/model.hpp"
#include "inference/model/scratch.hpp"

namespace mnema {

class OutputLayer {
 public:
  OutputLayer(const Model& model, InstructionSet isa, ThreadPool& pool);

  /// Reserves space for what `batch` wants to have back.
  void prepare(std::span<SequenceStep> batch) const;

  /// Fills `chosen` and `logits` of the steps. `residual`: this worker's view of the rows, f32 [rows, embedding];
  /// `cancelled`: by sequence, those that are passed over.
  void choose(int worker, const BatchRows& rows, std::span<SequenceStep> batch, const std::vector<char>& cancelled,
              const float* residual);

 private:
  /// What a worker finds in its share of the vocabulary.
  struct Found {
    std::vector<float> floor;                   // by row: no lower than this is the highest logit
    std::vector<float> maxima, radii;           // coarse, by row and group of the share
    std::size_t reaching = 0;                   // groups of the share that were computed whole
    std::vector<std::vector<TokenLogit>> best;  // by row
  };

  void normalise(int worker, std::span<const BatchRows::Wanted> wanted, const float* residual);
  void compute_all(int worker, std::size_t rows);
  void choose_from_all(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch,
                       const std::vector<char>& cancelled);
  void choose_from_best(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch,
                        const std::vector<char>& cancelled);
  void screen(int worker, std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch);
  void decide_pause(bool screened);
  [[nodiscard]] bool may_screen(std::span<const BatchRows::Wanted> wanted, std::span<SequenceStep> batch) const;

  const Model& model_;
  const ScreenedMatrix& matrix_;
  ThreadPool& pool_;
  const InstructionSet isa_;
  const ElementwiseKernels& elementwise_;
  const std::size_t embedding_, vocabulary_, light_blocks_;
  Scratch scratch_;
  float* normed_ = nullptr;    // [kLogitRows, embedding], the matrix's heavy blocks first
  float* energies_ = nullptr;  // [kLogitRows, light blocks], ‖x‖² by block
  float* logits_ = nullptr;    // [kLogitRows, vocabulary]; while screening heavy's part alone
  float* light_ = nullptr;     // [kLogitRows, vocabulary], light's part
  QuantizedRows heavy_rows_, light_rows_;
  std::vector<Found> found_;  // by worker
  int pause_ = 0;             // so many chunks more are not screened; written by worker 0 between barriers
};

}  // namespace mnema
