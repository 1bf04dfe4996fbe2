#include "inference/kernels/matmul.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "inference/kernels/packed_layout.hpp"
#include "inference/kernels/thread_pool.hpp"

namespace mnema {
namespace {

constexpr std::size_t kAlignment = 64;
/// Unpacked weights of a worker: they share its second-level cache with a panel of activations.
constexpr std::size_t kStripBytes = 448 << 10;

const MatmulKernels& kernels_of(InstructionSet isa) {
  switch (isa) {
    case InstructionSet::kAvx512:
      return kMatmulAvx512;
    case InstructionSet::kAvx2:
      return kMatmulAvx2;
    case InstructionSet::kScalar:
      break;
  }
  return kMatmulScalar;
}

/// This thread's strip, grown to what was needed most.
std::uint8_t* strip_of_thread(std::size_t bytes) {
  thread_local std::unique_ptr<std::uint8_t, decltype(&std::free)> strip(nullptr, &std::free);
  thread_local std::size_t capacity = 0;
  if (capacity < bytes) {
    capacity = padded(bytes);
    strip.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, capacity)));
    CHECK(strip != nullptr, "there is memory for a strip");
  }
  return strip.get();
}

ActivationPanels panels_of(const QuantizedRows& rows) {
  auto* at = reinterpret_cast<std::uint8_t*>(rows.storage.get());
  ActivationPanels panels{};
  panels.quants = reinterpret_cast<std::int8_t*>(at);
  panels.sums = reinterpret_cast<float*>(at + padded(rows.m * rows.columns));
  if (rows.keep_floats) {
    panels.floats =
        panels.sums + padded(rows.m * (rows.columns / kBlockColumns) * kPanelSums * sizeof(float)) / sizeof(float);
  }
  panels.m = rows.m;
  panels.columns = rows.columns;
  return panels;
}

MatmulWork work_of(const PackedMatrix& weights, const QuantizedRows& x, float* y, std::size_t y_stride, Share groups) {
  CHECK(weights.columns == x.columns, "weights and activations have the same columns");
  CHECK(!weights.needs_floats() || x.keep_floats, "float weights find the float activations kept");
  MatmulWork work{};
  work.form = static_cast<PackedForm>(weights.layout);
  work.weights = reinterpret_cast<const std::uint8_t*>(weights.data);
  work.low = reinterpret_cast<const std::uint8_t*>(weights.low);
  work.rows = weights.rows;
  work.columns = weights.columns;
  work.first_group = groups.begin;
  work.end_group = groups.end;
  work.x = panels_of(x);
  work.y = y;
  work.y_stride = y_stride;
  // Capacity for at least a gate's and an up's group, or for the gates of four float groups.
  work.strip_bytes =
      std::max({kStripBytes, 2 * strip_group_bytes(weights.columns), x.m * 4 * kGroupRows * sizeof(float)});
  work.strip = strip_of_thread(work.strip_bytes);
  return work;
}

Share groups_of(const PackedMatrix& weights, int worker, int threads) {
  return share_of((weights.rows + kGroupRows - 1) / kGroupRows, 1, worker, threads);
}

}  // namespace

std::string_view name_of(InstructionSet isa) {
  switch (isa) {
    case InstructionSet::kScalar:
      return "scalar";
    case InstructionSet::kAvx2:
      return "avx2";
    case InstructionSet::kAvx512:
      return "avx512";
  }
  return "scalar";
}

InstructionSet best_instruction_set() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni") &&
      __builtin_cpu_supports("avx512bf16")) {
    return InstructionSet::kAvx512;
  }
  // Every processor with AVX2 has F16C; clang 16 does not know that one by name.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return InstructionSet::kAvx2;
  }
#endif
  return InstructionSet::kScalar;
}

Result<InstructionSet> instruction_set_from(std::string_view name) {
  const InstructionSet best = best_instruction_set();
  if (name == "auto" || name.empty()) return best;
  for (const InstructionSet isa : {InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    if (name != name_of(isa)) continue;
    if (isa <= best) return isa;
    return fail(ErrorCode::kUnsupported, "this processor has no " + std::string(name),
                "use 'auto' or '" + std::string(name_of(best)) + "'");
  }
  return fail(ErrorCode::kInvalidArgument, "unknown backend '" + std::string(name) + "'",
              "auto, scalar, avx2 or avx512");
}

bool PackedMatrix::needs_floats() const { return is_float(static_cast<PackedForm>(layout)); }

void QuantizedRows::reserve(std::size_t rows, std::size_t row_columns, InstructionSet instruction_set, bool floats) {
  CHECK(row_columns % kBlockColumns == 0, "a row is whole blocks of 32");
  m = rows;
  columns = row_columns;
  isa = instruction_set;
  keep_floats = floats;
  const std::size_t bytes = padded(m * columns) + padded(m * (columns / kBlockColumns) * kPanelSums * sizeof(float)) +
                            (floats ? m * columns * sizeof(float) : 0) + kAlignment;
  if (bytes <= capacity_bytes) return;
  capacity_bytes = padded(bytes);
  storage.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, capacity_bytes)), &std::free);
  CHECK(storage != nullptr, "there is memory for activations");
}

void quantize_rows(const float* x, std::size_t stride, QuantizedRows& out, int worker, int threads) {
  const Share share = share_of(out.m, 1, worker, threads);
  kernels_of(out.isa).quantize(x, stride, share.begin, share.end, panels_of(out));
}

void matmul(const PackedMatrix& weights, const QuantizedRows& x, float* y, std::size_t y_stride, int worker,
            int threads) {
  kernels_of(weights.isa).matmul(work_of(weights, x, y, y_stride, groups_of(weights, worker, threads)));
}

void matmul_groups(const PackedMatrix& weights, const QuantizedRows& x, float* y, std::size_t y_stride,
                   std::size_t first_group, std::size_t end_group) {
  CHECK(first_group <= end_group && (end_group - 1) * kGroupRows < weights.rows, "the groups are the matrix's");
  kernels_of(weights.isa).matmul(work_of(weights, x, y, y_stride, {first_group, end_group}));
}

void matmul_gate_up(const PackedMatrix& gate, const PackedMatrix& up, GateActivation activation, const QuantizedRows& x,
                    float* y, std::size_t y_stride, int worker, int threads) {
  CHECK(gate.rows == up.rows && gate.columns == up.columns, "gate and up have the same shape");
  CHECK(gate.low == nullptr && up.low == nullptr, "only an output matrix is divided");
  CHECK(gate.needs_floats() == up.needs_floats(), "gate and up are both quantised or both floats");
  GateUpWork work{};
  work.up = work_of(up, x, y, y_stride, groups_of(up, worker, threads));
  work.gate_form = static_cast<PackedForm>(gate.layout);
  work.gate_weights = reinterpret_cast<const std::uint8_t*>(gate.data);
  work.gelu = activation == GateActivation::kGelu;
  kernels_of(up.isa).gate_up(work);
}

}  // namespace mnema
