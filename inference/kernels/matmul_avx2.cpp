#include "inference/kernels/packed_layout.hpp"
#include "inference/kernels/simd_avx2.hpp"
#include "inference/kernels/simd_math.hpp"

// Eight rows a vector, four rows of activations a tile. Without vpdpbusd a product goes through 16-bit sums, which
// overflow at 32767: unsigned weights of b bits times ±127 fit so many quads into one sum before it is widened —
// 8 of nibbles, 4 of fives, 2 of sixes. Full bytes are taken as signed ones, |w| times the activation with w's sign,
// one quad a sum. The packed form is read directly: unpacking is cheap beside four rows of multiplications.
//
// The float operations of one output are, block after block and in every batch, the same.

namespace mnema {
namespace {

constexpr int kTileRows = 4;

/// Half a group (8 rows of weights) times up to four rows of activations.
struct Tile {
  const std::uint8_t* group;
  const std::uint8_t* low;  // the group in the second plane of kSplitByte
  std::size_t columns;
  int half;                   // rows 8·half .. 8·half+7 of the group
  const std::int8_t* quants;  // of the first row of activations, in its panel
  const float* sums;
  std::size_t width;    // of the panel
  const float* floats;  // of the first row of activations; float forms only
};

__m256 half8(const std::uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
__m256i unsigned8(const std::uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
__m256i signed8(const std::uint8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
__m256i load32(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

constexpr bool is_five(PackedForm form) { return shape_of(form).quant_bytes == 320; }
constexpr bool is_table(PackedForm form) { return form == PackedForm::kNibbleTable || form == PackedForm::kSuperTable; }
/// Weights that are multiplied as signed bytes: the zero is taken off before, so there is no minimum.
constexpr bool is_signed(PackedForm form) {
  return form == PackedForm::kByte || form == PackedForm::kSplitByte || is_table(form);
}
/// Quads that one 16-bit sum holds.
constexpr int quads_per_sum(PackedForm form) {
  if (is_signed(form)) return 1;
  if (form == PackedForm::kSuperSix) return 2;
  return is_five(form) ? 4 : 8;
}

/// Bits of a 32-bit word to bytes of 0 or 16.
__m256i fifth_bits(const std::uint8_t* p) {
  std::int32_t bits;
  __builtin_memcpy(&bits, p, 4);
  const __m256i spread =
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i mask = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), spread);
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(bytes, mask), mask), _mm256_set1_epi8(16));
}

/// The eight quads of a block, unsigned; signed with is_signed forms.
template <PackedForm kForm>
inline __attribute__((always_inline)) void load_quads(const std::uint8_t* block, const std::uint8_t* low_block,
                                                      int half, __m256i* quad) {
  const std::uint8_t* p = block + half * 32;
  if constexpr (kForm == PackedForm::kByte) {
    for (int i = 0; i < kQuads; ++i) quad[i] = _mm256_xor_si256(load32(p + i * 64), _mm256_set1_epi8(-128));
    return;
  }
  const std::uint8_t* nibbles = p + (is_five(kForm) ? 64 : kForm == PackedForm::kSuperSix ? 128 : 0);
  const __m256i low = _mm256_set1_epi8(15);
  for (int i = 0; i < 4; ++i) {
    const __m256i pair = load32(nibbles + i * 64);
    quad[i] = _mm256_and_si256(pair, low);
    quad[i + 4] = _mm256_and_si256(_mm256_srli_epi16(pair, 4), low);
  }
  if constexpr (kForm == PackedForm::kSplitByte) {
    for (int i = 0; i < 4; ++i) {
      const __m256i pair = load32(low_block + half * 32 + i * 64);
      quad[i] = _mm256_or_si256(_mm256_slli_epi16(quad[i], 4), _mm256_and_si256(pair, low));
      quad[i + 4] =
          _mm256_or_si256(_mm256_slli_epi16(quad[i + 4], 4), _mm256_and_si256(_mm256_srli_epi16(pair, 4), low));
    }
    for (int i = 0; i < kQuads; ++i) quad[i] = _mm256_xor_si256(quad[i], _mm256_set1_epi8(-128));
  } else if constexpr (is_table(kForm)) {
    const __m128i values =
        _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kTableUnsigned)), _mm_set1_epi8(-128));
    const __m256i table = _mm256_broadcastsi128_si256(values);
    for (int i = 0; i < kQuads; ++i) quad[i] = _mm256_shuffle_epi8(table, quad[i]);
  } else if constexpr (is_five(kForm)) {
    for (int i = 0; i < kQuads; ++i) quad[i] = _mm256_or_si256(quad[i], fifth_bits(block + 8 * i + 4 * half));
  } else if constexpr (kForm == PackedForm::kSuperSix) {
    const __m256i mask = _mm256_set1_epi8(0x30);
    for (int h = 0; h < 2; ++h) {
      const __m256i pairs = load32(p + h * 64);
      quad[4 * h] = _mm256_or_si256(quad[4 * h], _mm256_and_si256(_mm256_slli_epi16(pairs, 4), mask));
      quad[4 * h + 1] = _mm256_or_si256(quad[4 * h + 1], _mm256_and_si256(_mm256_slli_epi16(pairs, 2), mask));
      quad[4 * h + 2] = _mm256_or_si256(quad[4 * h + 2], _mm256_and_si256(pairs, mask));
      quad[4 * h + 3] = _mm256_or_si256(quad[4 * h + 3], _mm256_and_si256(_mm256_srli_epi16(pairs, 2), mask));
    }
  }
}

/// w = scale · u + minimum of a block; of kSuperSix only the super's d.
template <PackedForm kForm>
inline __attribute__((always_inline)) void load_scales(const std::uint8_t* super, std::size_t in_super, int half,
                                                       __m256& scale, __m256& minimum) {
  scale = half8(super + half * 16);
  minimum = _mm256_setzero_ps();
  if constexpr (kForm == PackedForm::kSplitByte) {  // a power of two: the bits of kByte
    scale = _mm256_mul_ps(scale, _mm256_set1_ps(1.0F / 16));
  } else if constexpr (kForm == PackedForm::kNibbleZero || kForm == PackedForm::kFiveZero) {
    minimum = _mm256_mul_ps(scale, _mm256_set1_ps(kForm == PackedForm::kNibbleZero ? -8 : -16));
  } else if constexpr (kForm == PackedForm::kNibbleMinimum || kForm == PackedForm::kFiveMinimum) {
    minimum = half8(super + 32 + half * 16);
  } else if constexpr (kForm == PackedForm::kSuperTable) {
    scale = _mm256_mul_ps(scale, _mm256_cvtepi32_ps(signed8(super + 32 + in_super * 16 + half * 8)));
  } else if constexpr (kForm == PackedForm::kSuperNibble || kForm == PackedForm::kSuperFive) {
    const std::uint8_t* pair = super + 64 + in_super * 32 + half * 8;
    scale = _mm256_mul_ps(scale, _mm256_cvtepi32_ps(unsigned8(pair)));
    const __m256 negative = _mm256_sub_ps(_mm256_setzero_ps(), half8(super + 32 + half * 16));
    minimum = _mm256_mul_ps(negative, _mm256_cvtepi32_ps(unsigned8(pair + 16)));
  }
}

/// Σ u·q over quads kFirst..kEnd-1.
template <PackedForm kForm, int kFirst, int kEnd>
inline __attribute__((always_inline)) __m256i dot_quads(const __m256i* quad, const std::int8_t* q) {
  constexpr int kPerSum = quads_per_sum(kForm);
  const __m256i ones = _mm256_set1_epi16(1);
  __m256i total = _mm256_setzero_si256();
  for (int first = kFirst; first < kEnd; first += kPerSum) {
    __m256i sum = _mm256_setzero_si256();
    for (int i = first; i < kEnd && i < first + kPerSum; ++i) {
      std::int32_t bits;
      __builtin_memcpy(&bits, q + 4 * i, 4);
      const __m256i activation = _mm256_set1_epi32(bits);
      const __m256i product =
          is_signed(kForm) ? _mm256_maddubs_epi16(_mm256_abs_epi8(quad[i]), _mm256_sign_epi8(activation, quad[i]))
                           : _mm256_maddubs_epi16(quad[i], activation);
      sum = i == first ? product : _mm256_add_epi16(sum, product);
    }
    total = _mm256_add_epi32(total, _mm256_madd_epi16(sum, ones));
  }
  return total;
}

template <PackedForm kForm, int kRows>
inline __attribute__((always_inline)) void quantised_tile(const Tile& tile, __m256* out) {
  constexpr PackedShape kShape = shape_of(kForm);
  const std::int8_t* q = tile.quants;
  const float* sums = tile.sums;
  __m256 sum[kRows];
  for (int c = 0; c < kRows; ++c) sum[c] = _mm256_setzero_ps();
  for (std::size_t block = 0; block < tile.columns / kBlockColumns; ++block) {
    const std::uint8_t* super = tile.group + super_offset(kShape, block);
    const std::size_t in_super = block % kShape.blocks_super;
    __m256i quad[kQuads];
    __m256 scale, minimum;
    load_quads<kForm>(tile.group + block_offset(kShape, block),
                      kForm == PackedForm::kSplitByte ? tile.low + block * kLowBlockBytes : nullptr, tile.half, quad);
    load_scales<kForm>(super, in_super, tile.half, scale, minimum);
    for (int c = 0; c < kRows; ++c) {
      const __m256 a = _mm256_set1_ps(sums[c]);
      __m256i total;
      if constexpr (kForm == PackedForm::kSuperSix) {
        std::int32_t offset[2];
        __builtin_memcpy(&offset[0], sums + 2 * tile.width + c, 4);
        __builtin_memcpy(&offset[1], sums + 3 * tile.width + c, 4);
        const __m256i low =
            _mm256_add_epi32(dot_quads<kForm, 0, 4>(quad, q + c * kBlockColumns), _mm256_set1_epi32(offset[0]));
        const __m256i high =
            _mm256_add_epi32(dot_quads<kForm, 4, 8>(quad, q + c * kBlockColumns), _mm256_set1_epi32(offset[1]));
        const std::uint8_t* s = super + 32 + in_super * 32 + tile.half * 8;
        total = _mm256_add_epi32(_mm256_mullo_epi32(low, signed8(s)), _mm256_mullo_epi32(high, signed8(s + 16)));
      } else {
        total = dot_quads<kForm, 0, kQuads>(quad, q + c * kBlockColumns);
      }
      sum[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total), _mm256_mul_ps(scale, a), sum[c]);
      if constexpr (!is_signed(kForm) && kForm != PackedForm::kSuperSix) {
        sum[c] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(sums[tile.width + static_cast<std::size_t>(c)]), sum[c]);
      }
    }
    q += tile.width * kBlockColumns;
    sums += kPanelSums * tile.width;
  }
  for (int c = 0; c < kRows; ++c) out[c] = sum[c];
}

template <PackedForm kForm, int kRows>
inline __attribute__((always_inline)) void float_tile(const Tile& tile, __m256* out) {
  __m256 sum[kRows];
  for (int c = 0; c < kRows; ++c) sum[c] = _mm256_setzero_ps();
  for (std::size_t k = 0; k < tile.columns; ++k) {
    __m256 w;
    if constexpr (kForm == PackedForm::kFloat) {
      w = _mm256_castsi256_ps(load32(tile.group + k * 64 + static_cast<std::size_t>(tile.half) * 32));
    } else if constexpr (kForm == PackedForm::kHalf) {
      w = half8(tile.group + k * 32 + static_cast<std::size_t>(tile.half) * 16);
    } else {
      const auto* bits =
          reinterpret_cast<const __m128i*>(tile.group + k * 32 + static_cast<std::size_t>(tile.half) * 16);
      w = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128(bits)), 16));
    }
    for (int c = 0; c < kRows; ++c) {
      sum[c] = _mm256_fmadd_ps(w, _mm256_set1_ps(tile.floats[static_cast<std::size_t>(c) * tile.columns + k]), sum[c]);
    }
  }
  for (int c = 0; c < kRows; ++c) out[c] = sum[c];
}

template <PackedForm kForm, int kRows>
inline __attribute__((always_inline)) void tile_of_rows(const Tile& tile, __m256* out) {
  if constexpr (is_float(kForm))
    float_tile<kForm, kRows>(tile, out);
  else
    quantised_tile<kForm, kRows>(tile, out);
}

template <PackedForm kForm>
void run_tile(const Tile& tile, std::size_t count, __m256* out) {
  switch (count) {
    case 1:
      return tile_of_rows<kForm, 1>(tile, out);
    case 2:
      return tile_of_rows<kForm, 2>(tile, out);
    case 3:
      return tile_of_rows<kForm, 3>(tile, out);
    default:
      return tile_of_rows<kForm, kTileRows>(tile, out);
  }
}

using TileFunction = void (*)(const Tile& tile, std::size_t count, __m256* out);
TileFunction tile_function(PackedForm form) {
  switch (form) {
    case PackedForm::kNibbleZero:
      return run_tile<PackedForm::kNibbleZero>;
    case PackedForm::kNibbleMinimum:
      return run_tile<PackedForm::kNibbleMinimum>;
    case PackedForm::kNibbleTable:
      return run_tile<PackedForm::kNibbleTable>;
    case PackedForm::kFiveZero:
      return run_tile<PackedForm::kFiveZero>;
    case PackedForm::kFiveMinimum:
      return run_tile<PackedForm::kFiveMinimum>;
    case PackedForm::kByte:
      return run_tile<PackedForm::kByte>;
    case PackedForm::kSuperNibble:
      return run_tile<PackedForm::kSuperNibble>;
    case PackedForm::kSuperFive:
      return run_tile<PackedForm::kSuperFive>;
    case PackedForm::kSuperTable:
      return run_tile<PackedForm::kSuperTable>;
    case PackedForm::kSuperSix:
      return run_tile<PackedForm::kSuperSix>;
    case PackedForm::kSplitByte:
      return run_tile<PackedForm::kSplitByte>;
    case PackedForm::kFloat:
      return run_tile<PackedForm::kFloat>;
    case PackedForm::kHalf:
      return run_tile<PackedForm::kHalf>;
    case PackedForm::kBrain:
      return run_tile<PackedForm::kBrain>;
  }
  return run_tile<PackedForm::kFloat>;
}

/// Calls body(group, half, first row of activations, their count, the tile without its weights) for all tiles.
template <class Body>
inline __attribute__((always_inline)) void for_tiles(const MatmulWork& work, const Body& body) {
  const std::size_t blocks = work.columns / kBlockColumns;
  for (std::size_t group = work.first_group; group < work.end_group; ++group) {
    for (std::size_t panel = 0; panel < work.x.m; panel += kPanelRows) {
      const std::size_t width = work.x.m - panel < kPanelRows ? work.x.m - panel : kPanelRows;
      for (std::size_t first = 0; first < width; first += kTileRows) {
        const std::size_t count = width - first < kTileRows ? width - first : kTileRows;
        for (int half = 0; half < 2; ++half) {
          Tile tile{};
          tile.columns = work.columns;
          tile.half = half;
          tile.quants = work.x.quants + panel * blocks * kBlockColumns + first * kBlockColumns;
          tile.sums = work.x.sums + panel * blocks * kPanelSums + first;
          tile.width = width;
          if (work.x.floats != nullptr) tile.floats = work.x.floats + (panel + first) * work.columns;
          body(group, half, panel + first, count, tile);
        }
      }
    }
  }
}

void store_rows(const MatmulWork& work, std::size_t group, int half, std::size_t m, __m256 value) {
  const std::size_t row = group * kGroupRows + static_cast<std::size_t>(half) * 8;
  if (row >= work.rows) return;
  const int left = work.rows - row < 8 ? static_cast<int>(work.rows - row) : 8;
  const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  _mm256_maskstore_ps(work.y + m * work.y_stride + row, mask, value);
}

void matmul_avx2(const MatmulWork& work) {
  const TileFunction run = tile_function(work.form);
  const std::size_t stride = group_bytes(work.form, work.columns);
  for_tiles(work, [&](std::size_t group, int half, std::size_t m, std::size_t count, Tile& tile) {
    __m256 sum[kTileRows];
    tile.group = work.weights + group * stride;
    if (work.low != nullptr) tile.low = work.low + group * low_group_bytes(work.columns);
    run(tile, count, sum);
    for (std::size_t c = 0; c < count; ++c) store_rows(work, group, half, m + c, sum[c]);
  });
}

__m256 activated(__m256 x, bool gelu) {
  const __m256 one = _mm256_set1_ps(1.0F);
  if (gelu) {
    const __m256 cube = _mm256_mul_ps(_mm256_mul_ps(x, x), x);
    const __m256 inner =
        _mm256_mul_ps(_mm256_set1_ps(0.7978845608F), _mm256_fmadd_ps(_mm256_set1_ps(0.044715F), cube, x));
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_set1_ps(0.5F), x), _mm256_add_ps(one, tanh_of(inner)));
  }
  const __m256 e = exp_not_positive(_mm256_sub_ps(_mm256_setzero_ps(), Simd::magnitude(x)));
  const __m256 numerator = Simd::select(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ), e, one);
  return _mm256_mul_ps(x, _mm256_div_ps(numerator, _mm256_add_ps(one, e)));
}

void gate_up_avx2(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  const TileFunction run_gate = tile_function(work.gate_form), run_up = tile_function(up.form);
  const std::size_t gate_stride = group_bytes(work.gate_form, up.columns), up_stride = group_bytes(up.form, up.columns);
  for_tiles(up, [&](std::size_t group, int half, std::size_t m, std::size_t count, Tile& tile) {
    __m256 gate[kTileRows], sum[kTileRows];
    tile.group = work.gate_weights + group * gate_stride;
    run_gate(tile, count, gate);
    tile.group = up.weights + group * up_stride;
    run_up(tile, count, sum);
    for (std::size_t c = 0; c < count; ++c) {
      store_rows(up, group, half, m + c, _mm256_mul_ps(activated(gate[c], work.gelu), sum[c]));
    }
  });
}

std::int32_t sum_of(__m256i x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1))));
}

void quantize_avx2(const float* x, std::size_t stride, std::size_t first, std::size_t end,
                   const ActivationPanels& out) {
  const std::size_t blocks = out.columns / kBlockColumns;
  for (std::size_t m = first; m < end; ++m) {
    const float* row = x + m * stride;
    const std::size_t panel = m / kPanelRows * kPanelRows;
    const std::size_t width = out.m - panel < kPanelRows ? out.m - panel : kPanelRows;
    std::int8_t* quants = out.quants + panel * blocks * kBlockColumns + (m - panel) * kBlockColumns;
    float* sums = out.sums + panel * blocks * kPanelSums + (m - panel);
    for (std::size_t block = 0; block < blocks; ++block, row += kBlockColumns) {
      __m256 v[4], most = _mm256_setzero_ps();
      for (int i = 0; i < 4; ++i) {
        v[i] = _mm256_loadu_ps(row + 8 * i);
        most = _mm256_max_ps(most, Simd::magnitude(v[i]));
      }
      const float largest = Simd::largest(most);
      const float inverse = largest > 0 && largest < 3.0e38F ? 127 / largest : 0;
      __m256i whole[4];
      for (int i = 0; i < 4; ++i) {
        whole[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], _mm256_set1_ps(inverse)));
        const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole[i]), _mm256_extracti128_si256(whole[i], 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(quants + 8 * i), _mm_packs_epi16(words, words));
      }
      const std::int32_t half[2] = {sum_of(_mm256_add_epi32(whole[0], whole[1])),
                                    sum_of(_mm256_add_epi32(whole[2], whole[3]))};
      const float scale = largest / 127;
      sums[0] = scale;
      sums[width] = scale * static_cast<float>(half[0] + half[1]);
      put_zero_sums(sums, width, half);
      quants += width * kBlockColumns;
      sums += kPanelSums * width;
    }
    if (out.floats != nullptr)
      __builtin_memcpy(out.floats + m * out.columns, x + m * stride, out.columns * sizeof(float));
  }
}

}  // namespace

const MatmulKernels kMatmulAvx2 = {quantize_avx2, matmul_avx2, gate_up_avx2};

}  // namespace mnema
