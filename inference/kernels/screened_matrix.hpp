// inference/kernels/screened_matrix.hpp
//
// An output matrix that need not be read whole to find its largest products. A Q8_0 weight is d·(16h + l − 128) with
// h, l in 0..15; the h of all rows lie in one plane with the scales, the l in another. The first plane alone, with 7.5
// for every l, is a matrix of half the bytes whose products are close to the whole one's:
//
//     product − coarse product = Σ d·(l − 7.5)·x
//
// The l are a quantiser's rounding noise and know nothing of the activations: the sum's deviation is
// √((16² − 1) / 12 · Σ_blocks d²·‖x‖²), and uniform noise has lighter tails than a normal one. A radius is six
// deviations, which a given row passes with probability 2·10⁻⁹. Rows whose coarse product lies further than that below
// another's cannot be the largest; the few that remain are computed from both planes, with the same bits as always.
// What a step chooses thus depends on its row alone, in every batch.
//
// A few blocks of columns carry most of that sum, because the model's last norm weighs a few dimensions heavily. Those
// blocks are kept undivided: a matrix of their own, `heavy`; the rest is `light`. A product is heavy's plus light's.
//
// A matrix of another type, or a small one, is all heavy and not screened.
//
// Threads: immutable after `pack_screened`.
#pragma once

#include <span>
#include <vector>

#include "inference/kernels/matmul.hpp"

namespace mnema {

struct ScreenedMatrix {
  std::vector<std::size_t> order;  // blocks of 32 columns as in the file: heavy's, then light's; empty: as they come
  PackedMatrix heavy;
  PackedMatrix light;          // empty when not screened
  PackedMatrix light_coarse;   // the first plane of light
  std::vector<float> squares;  // [groups of 16 rows, light blocks]: the largest d² of the group's rows

  [[nodiscard]] bool is_screened() const { return !light.empty(); }
  [[nodiscard]] std::size_t bytes() const { return heavy.bytes + light.bytes; }
};

/// As `pack`; divides a Q8_0 matrix of at least `rows_screened_min` rows. `weights`: f32 [columns], how large each
/// activation is expected to be, relative to the others.
[[nodiscard]] Result<ScreenedMatrix> pack_screened(MatrixSource source, std::size_t columns,
                                                   std::span<const float> weights, InstructionSet isa, ThreadPool& pool,
                                                   WeightArena& arena, std::size_t rows_screened_min);

/// How far a coarse product of the groups first..end-1 may be from the whole one. `energies`: ‖x‖² of the activations
/// by light block; `out`: f32 [end − first].
void screening_radii(const ScreenedMatrix& matrix, std::size_t first, std::size_t end, const float* energies,
                     float* out);

}  // namespace mnema
