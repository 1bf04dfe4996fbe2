// inference/kernels/matmul.hpp
//
// Weights times activations: the one operation that decides the engine's speed.
//
//   y[m][n] = Σ_k x[m][k] · w[n][k]        w: quantised [rows, columns] as in the file, x: f32 [m, columns], y: f32
//
// Weights are repacked once, at load, into the interleaved layout of the chosen instruction set; activations are
// quantised once per row and shared by all products that read them (Q/K/V, gate/up).
//
// Contract: for one instruction set, y[m][n] has the same bits for every m in every batch, every split of rows over
//           threads and every chunking: integer sums are exact, and the float operations per block come in one fixed
//           order. `matmul_scalar.cpp` is the definition; others agree within tolerance.
// Threads:  `PackedMatrix` is immutable after `pack`. `matmul` is called by every worker of the pool with its number;
//           each computes its share of the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "inference/kernels/quant_type.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class ThreadPool;
class WeightArena;

enum class InstructionSet { kScalar, kAvx2, kAvx512 };
[[nodiscard]] std::string_view name_of(InstructionSet isa);  // "scalar" | "avx2" | "avx512"
/// The best one this CPU has (AVX-512 needs VNNI, BW, VL; AVX2 needs FMA, F16C).
[[nodiscard]] InstructionSet best_instruction_set();
/// "auto" or a name. Errors: `kInvalidArgument` unknown name, `kUnsupported` when this CPU lacks it.
[[nodiscard]] Result<InstructionSet> instruction_set_from(std::string_view name);

/// A weight matrix in the layout of one instruction set.
class PackedMatrix {
 public:
  PackedMatrix() = default;
  PackedMatrix(PackedMatrix&&) noexcept = default;
  PackedMatrix& operator=(PackedMatrix&&) noexcept = default;

  std::size_t rows = 0;
  std::size_t columns = 0;
  QuantType type = QuantType::kF32;  // as in the file
  InstructionSet isa = InstructionSet::kScalar;
  int layout = 0;         // a PackedForm (packed_layout.hpp)
  std::size_t bytes = 0;  // of `owned`
  const std::byte* data = nullptr;
  const std::byte* low = nullptr;    // the second plane of a divided matrix (screened_matrix.hpp)
  std::shared_ptr<std::byte> owned;  // empty when the bytes are another matrix's

  [[nodiscard]] bool empty() const { return rows == 0; }
  /// Weights of a float type are multiplied with the float activations: their QuantizedRows must keep them.
  [[nodiscard]] bool needs_floats() const;
};

/// Repacks `source` (rows × row_bytes(type, columns) bytes, the file's layout) into `arena`, by all workers of `pool`.
/// Errors: `kUnsupported` type; `kCorrupt` when sizes do not fit.
struct MatrixSource {
  const std::byte* data;
  std::size_t rows;
  QuantType type;
};
[[nodiscard]] Result<PackedMatrix> pack(MatrixSource source, std::size_t columns, InstructionSet isa, ThreadPool& pool,
                                        WeightArena& arena);

/// Activations of a batch, quantised. Reused between steps; grows to the largest batch and stays.
class QuantizedRows {
 public:
  QuantizedRows() = default;
  /// Reserves space for `m` rows of `columns` (a multiple of 32). Call from one thread before `quantize_rows`.
  /// `keep_floats`: the rows as they came are kept too, for float weights.
  void reserve(std::size_t m, std::size_t columns, InstructionSet isa, bool keep_floats = false);

  std::size_t m = 0;
  std::size_t columns = 0;
  InstructionSet isa = InstructionSet::kScalar;
  bool keep_floats = false;
  std::shared_ptr<std::byte> storage;  // packed_layout.hpp, ActivationPanels
  std::size_t capacity_bytes = 0;
};

/// Quantises rows of x (f32 [m, columns], stride in floats) that belong to `worker`'s share. All workers call it, then
/// a barrier, then `matmul`.
void quantize_rows(const float* x, std::size_t stride, QuantizedRows& out, int worker, int threads);

/// y (f32 [m, weights.rows], stride in floats) = x · wᵀ for this worker's share of the rows of `weights`.
/// Precondition: quantize_rows for all rows has happened before (barrier between).
void matmul(const PackedMatrix& weights, const QuantizedRows& x, float* y, std::size_t y_stride, int worker,
            int threads);

/// As `matmul` for row groups first_group..end_group-1 (16 rows each), all computed by the caller. The rest of y stays.
void matmul_groups(const PackedMatrix& weights, const QuantizedRows& x, float* y, std::size_t y_stride,
                   std::size_t first_group, std::size_t end_group);

/// As `matmul` for gate and up at once: y[m][n] = activate(gate(x)[m][n]) · up(x)[m][n].
enum class GateActivation { kSilu, kGelu };
void matmul_gate_up(const PackedMatrix& gate, const PackedMatrix& up, GateActivation activation, const QuantizedRows& x,
                    float* y, std::size_t y_stride, int worker, int threads);

/// One row of `weights` as f32 (token embedding look-up from the file's own layout).
void dequantize_row(QuantType type, const std::byte* row, float* out, std::size_t columns);

}  // namespace mnema
