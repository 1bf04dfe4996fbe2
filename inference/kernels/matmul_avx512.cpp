#include "inference/kernels/packed_layout.hpp"
#include "inference/kernels/simd_avx512.hpp"
#include "inference/kernels/simd_math.hpp"

// 16 rows a vector, one broadcast quad of activations a vpdpbusd. A block of weights is brought into eight registers
// once and multiplied with every row of a panel: straight from its packed form while a batch has few rows (decode
// streams the file's bit width), from a strip unpacked into the cache when many panels will read it (prefill).
//
// The float operations of one output are, block after block and in every path the same:
//     sum = fma(float(Σ u·q), scale·a, sum);  sum = fma(minimum, a·Σq, sum)
// or, where the minimum is a zero times the scale, with the zero taken off inside the integer sum
//     sum = fma(float(Σ u·q − zero·Σq), scale·a, sum)
// The integer sums are exact, so nothing else can change a bit.

namespace mnema {
namespace {

constexpr int kDirectRows = 8;  // batches up to this many rows read the packed form directly

/// A block as registers hold it.
struct Block {
  __m512i quad[kQuads];
  __m512 scale;
  __m512 minimum;  // not where there is a zero
};

/// How a block's product is put together.
enum class Sums { kMinimum, kZero, kTwoScales };

/// Which of a panel's sums takes the zero of a form off; 0: it has a minimum.
constexpr std::size_t zero_sum_of(PackedForm form) {
  switch (form) {
    case PackedForm::kNibbleZero:
      return kSumOfZero8;
    case PackedForm::kFiveZero:
      return kSumOfZero16;
    case PackedForm::kByte:
    case PackedForm::kSplitByte:
    case PackedForm::kNibbleTable:
    case PackedForm::kSuperTable:
      return kSumOfZero128;
    default:
      return 0;
  }
}

__m512 half16(const std::uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
__m512 bytes16(const std::uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
__m512i load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }

inline __attribute__((always_inline)) void load_nibbles(const std::uint8_t* p, __m512i* quad) {
  const __m512i low = _mm512_set1_epi8(15);
  for (int i = 0; i < 4; ++i) {
    const __m512i pair = load(p + i * 64);
    quad[i] = _mm512_and_si512(pair, low);
    quad[i + 4] = _mm512_and_si512(_mm512_srli_epi16(pair, 4), low);
  }
}

/// High halves of bytes from one plane, low halves from the other.
inline __attribute__((always_inline)) void load_halves(const std::uint8_t* high, const std::uint8_t* low,
                                                       __m512i* quad) {
  __m512i lower[kQuads];
  load_nibbles(high, quad);
  load_nibbles(low, lower);
  for (int i = 0; i < kQuads; ++i) quad[i] = _mm512_or_si512(_mm512_slli_epi16(quad[i], 4), lower[i]);
}

inline __attribute__((always_inline)) void load_fives(const std::uint8_t* p, __m512i* quad) {
  load_nibbles(p + 64, quad);
  const __m512i sixteen = _mm512_set1_epi8(16);
  for (int i = 0; i < kQuads; ++i) {
    std::uint64_t bits;
    __builtin_memcpy(&bits, p + 8 * i, 8);
    quad[i] = _mm512_mask_add_epi8(quad[i], _cvtu64_mask64(bits), quad[i], sixteen);
  }
}

inline __attribute__((always_inline)) void load_sixes(const std::uint8_t* p, __m512i* quad) {
  load_nibbles(p + 128, quad);
  const __m512i mask = _mm512_set1_epi8(0x30);
  for (int h = 0; h < 2; ++h) {
    const __m512i pairs = load(p + h * 64);
    quad[4 * h] = _mm512_or_si512(quad[4 * h], _mm512_and_si512(_mm512_slli_epi16(pairs, 4), mask));
    quad[4 * h + 1] = _mm512_or_si512(quad[4 * h + 1], _mm512_and_si512(_mm512_slli_epi16(pairs, 2), mask));
    quad[4 * h + 2] = _mm512_or_si512(quad[4 * h + 2], _mm512_and_si512(pairs, mask));
    quad[4 * h + 3] = _mm512_or_si512(quad[4 * h + 3], _mm512_and_si512(_mm512_srli_epi16(pairs, 2), mask));
  }
}

inline __attribute__((always_inline)) void load_table(const std::uint8_t* p, __m512i* quad) {
  load_nibbles(p, quad);
  const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kTableUnsigned)));
  for (int i = 0; i < kQuads; ++i) quad[i] = _mm512_shuffle_epi8(table, quad[i]);
}

/// Reads block after block of a packed group. Except kSuperSix, whose sums have two scales.
template <PackedForm kForm>
struct Packed {
  static constexpr Sums kSums = zero_sum_of(kForm) == 0 ? Sums::kMinimum : Sums::kZero;
  static constexpr std::size_t zero_sum = zero_sum_of(kForm);
  const std::uint8_t* group;
  const std::uint8_t* low;  // of kSplitByte

  inline __attribute__((always_inline)) void read(std::size_t block, Block& out) const {
    constexpr PackedShape kShape = shape_of(kForm);
    const std::uint8_t* q = group + block_offset(kShape, block);
    const std::uint8_t* super = group + super_offset(kShape, block);
    const std::size_t in_super = block % kShape.blocks_super;
    if constexpr (kForm == PackedForm::kByte) {
      for (int i = 0; i < kQuads; ++i) out.quad[i] = load(q + i * 64);
    } else if constexpr (kForm == PackedForm::kSplitByte) {
      load_halves(q, low + block * kLowBlockBytes, out.quad);
    } else if constexpr (kForm == PackedForm::kNibbleTable || kForm == PackedForm::kSuperTable) {
      load_table(q, out.quad);
    } else if constexpr (kShape.quant_bytes == 320) {
      load_fives(q, out.quad);
    } else {
      load_nibbles(q, out.quad);
    }
    const __m512 d = half16(super);
    if constexpr (kForm == PackedForm::kNibbleZero || kForm == PackedForm::kFiveZero || kForm == PackedForm::kByte ||
                  kForm == PackedForm::kNibbleTable) {
      out.scale = d;
    } else if constexpr (kForm == PackedForm::kSplitByte) {
      out.scale = _mm512_mul_ps(d, _mm512_set1_ps(1.0F / 16));  // a power of two: the bits of kByte
    } else if constexpr (kForm == PackedForm::kNibbleMinimum || kForm == PackedForm::kFiveMinimum) {
      out.scale = d;
      out.minimum = half16(super + 32);
    } else if constexpr (kForm == PackedForm::kSuperTable) {
      const __m128i s = _mm_loadu_si128(reinterpret_cast<const __m128i*>(super + 32 + in_super * 16));
      out.scale = _mm512_mul_ps(d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(s)));
    } else {
      const std::uint8_t* pair = super + 64 + in_super * 32;
      out.scale = _mm512_mul_ps(d, bytes16(pair));
      out.minimum = _mm512_mul_ps(_mm512_sub_ps(_mm512_setzero_ps(), half16(super + 32)), bytes16(pair + 16));
    }
  }
};

/// kSuperSix: `scale` is the super's d; the two halves' integer scales lie in `minimum` and `second` as int32.
struct PackedSix {
  static constexpr Sums kSums = Sums::kTwoScales;
  const std::uint8_t* group;
  const std::uint8_t* low;  // unused

  inline __attribute__((always_inline)) void read(std::size_t block, Block& out, __m512i& first,
                                                  __m512i& second) const {
    constexpr PackedShape kShape = shape_of(PackedForm::kSuperSix);
    const std::uint8_t* q = group + block_offset(kShape, block);
    const std::uint8_t* super = group + super_offset(kShape, block);
    load_sixes(q, out.quad);
    out.scale = half16(super);
    const std::uint8_t* s = super + 32 + block % 8 * 32;
    first = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(s)));
    second = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(s + 16)));
  }
};

/// An unpacked group in the strip: per block 512 bytes of quads, then f32 scales and, where there are any, f32
/// minimums, or with two scales f32 d and both scales as i32.
struct Strip {
  static constexpr Sums kSums = Sums::kMinimum;
  static constexpr std::size_t kStride = 768;
  const std::uint8_t* data;
  std::size_t zero_sum;  // unused
  inline __attribute__((always_inline)) void read(std::size_t block, Block& out) const {
    const std::uint8_t* p = data + block * kStride;
    for (int i = 0; i < kQuads; ++i) out.quad[i] = load(p + i * 64);
    out.scale = _mm512_loadu_ps(p + 512);
    out.minimum = _mm512_loadu_ps(p + 576);
  }
  static void write(const Block& block, std::uint8_t* p) {
    for (int i = 0; i < kQuads; ++i) _mm512_storeu_si512(p + i * 64, block.quad[i]);
    _mm512_storeu_ps(p + 512, block.scale);
    _mm512_storeu_ps(p + 576, block.minimum);
  }
};

/// The same without minimums.
struct StripZero {
  static constexpr Sums kSums = Sums::kZero;
  const std::uint8_t* data;
  std::size_t zero_sum;
  inline __attribute__((always_inline)) void read(std::size_t block, Block& out) const {
    const std::uint8_t* p = data + block * Strip::kStride;
    for (int i = 0; i < kQuads; ++i) out.quad[i] = load(p + i * 64);
    out.scale = _mm512_loadu_ps(p + 512);
  }
  static void write(const Block& block, std::uint8_t* p) {
    for (int i = 0; i < kQuads; ++i) _mm512_storeu_si512(p + i * 64, block.quad[i]);
    _mm512_storeu_ps(p + 512, block.scale);
  }
};

struct StripSix {
  static constexpr Sums kSums = Sums::kTwoScales;
  const std::uint8_t* data;
  std::size_t zero_sum;  // unused
  inline __attribute__((always_inline)) void read(std::size_t block, Block& out, __m512i& first,
                                                  __m512i& second) const {
    const std::uint8_t* p = data + block * Strip::kStride;
    for (int i = 0; i < kQuads; ++i) out.quad[i] = load(p + i * 64);
    out.scale = _mm512_loadu_ps(p + 512);
    first = load(p + 576);
    second = load(p + 640);
  }
  static void write(const Block& block, __m512i first, __m512i second, std::uint8_t* p) {
    for (int i = 0; i < kQuads; ++i) _mm512_storeu_si512(p + i * 64, block.quad[i]);
    _mm512_storeu_ps(p + 512, block.scale);
    _mm512_storeu_si512(p + 576, first);
    _mm512_storeu_si512(p + 640, second);
  }
};

inline __attribute__((always_inline)) __m512i quad_of(const std::int8_t* q, int i) {
  std::int32_t quad;
  __builtin_memcpy(&quad, q + 4 * i, 4);
  return _mm512_set1_epi32(quad);
}

/// sum[c] for the kWidth rows of a panel against one group.
template <int kWidth, class Reader>
inline __attribute__((always_inline)) void group_times_panel(const Reader& reader, std::size_t blocks,
                                                             const std::int8_t* q, const float* sums, __m512* sum) {
#pragma GCC unroll 16
  for (int c = 0; c < kWidth; ++c) sum[c] = _mm512_setzero_ps();
  for (std::size_t block = 0; block < blocks; ++block) {
    Block w;
    if constexpr (Reader::kSums == Sums::kTwoScales) {
      __m512i first, second;
      reader.read(block, w, first, second);
#pragma GCC unroll 16
      for (int c = 0; c < kWidth; ++c) {
        std::int32_t offset[2];
        __builtin_memcpy(&offset[0], sums + kSumOfHalf * kWidth + c, 4);
        __builtin_memcpy(&offset[1], sums + (kSumOfHalf + 1) * kWidth + c, 4);
        __m512i low = _mm512_set1_epi32(offset[0]), high = _mm512_set1_epi32(offset[1]);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          low = _mm512_dpbusd_epi32(low, w.quad[i], quad_of(q + c * kBlockColumns, i));
          high = _mm512_dpbusd_epi32(high, w.quad[i + 4], quad_of(q + c * kBlockColumns, i + 4));
        }
        const __m512i total = _mm512_add_epi32(_mm512_mullo_epi32(low, first), _mm512_mullo_epi32(high, second));
        sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(total), _mm512_mul_ps(w.scale, _mm512_set1_ps(sums[c])), sum[c]);
      }
    } else {
      reader.read(block, w);
#pragma GCC unroll 16
      for (int c = 0; c < kWidth; ++c) {
        __m512i total = _mm512_setzero_si512();
        if constexpr (Reader::kSums == Sums::kZero) {
          std::int32_t offset;
          __builtin_memcpy(&offset, sums + reader.zero_sum * kWidth + c, 4);
          total = _mm512_set1_epi32(offset);
        }
#pragma GCC unroll 8
        for (int i = 0; i < kQuads; ++i) {
          total = _mm512_dpbusd_epi32(total, w.quad[i], quad_of(q + c * kBlockColumns, i));
        }
        sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(total), _mm512_mul_ps(w.scale, _mm512_set1_ps(sums[c])), sum[c]);
        if constexpr (Reader::kSums == Sums::kMinimum) {
          sum[c] = _mm512_fmadd_ps(w.minimum, _mm512_set1_ps(sums[kWidth + c]), sum[c]);
        }
      }
    }
    q += kWidth * kBlockColumns;
    sums += kPanelSums * kWidth;
  }
}

/// Where a panel's products go.
struct Store {
  float* y;
  std::size_t stride;
  __mmask16 rows;
  void put(int c, __m512 value) const { _mm512_mask_storeu_ps(y + static_cast<std::size_t>(c) * stride, rows, value); }
};

__m512 activated(__m512 x, bool gelu) {
  const __m512 one = _mm512_set1_ps(1.0F);
  if (gelu) {
    const __m512 cube = _mm512_mul_ps(_mm512_mul_ps(x, x), x);
    const __m512 inner =
        _mm512_mul_ps(_mm512_set1_ps(0.7978845608F), _mm512_fmadd_ps(_mm512_set1_ps(0.044715F), cube, x));
    return _mm512_mul_ps(_mm512_mul_ps(_mm512_set1_ps(0.5F), x), _mm512_add_ps(one, tanh_of(inner)));
  }
  const __m512 e = exp_not_positive(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_abs_ps(x)));
  const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return _mm512_mul_ps(x, _mm512_div_ps(_mm512_mask_blend_ps(negative, one, e), _mm512_add_ps(one, e)));
}

/// The panel's rows are known to the compiler: calls `body` with the panel's own width.
template <int kMost, class Body>
inline __attribute__((always_inline)) void with_width(std::size_t width, const Body& body) {
  if constexpr (kMost == 1) {
    body.template run<1>();
  } else {
    if (width == kMost)
      body.template run<kMost>();
    else
      with_width<kMost - 1>(width, body);
  }
}

struct Panel {
  const std::int8_t* q;
  const float* sums;
  std::size_t width;
};
Panel panel_at(const ActivationPanels& x, std::size_t first) {
  const std::size_t blocks = x.columns / kBlockColumns;
  return {x.quants + first * blocks * kBlockColumns, x.sums + first * blocks * kPanelSums,
          x.m - first < kPanelRows ? x.m - first : kPanelRows};
}
Store store_at(const MatmulWork& work, std::size_t group, std::size_t first) {
  const std::size_t row = group * kGroupRows, left = work.rows - row;
  return {work.y + first * work.y_stride + row, work.y_stride,
          static_cast<__mmask16>(left >= kGroupRows ? 0xffff : (1U << left) - 1)};
}

template <class Reader>
struct Product {
  const Reader& reader;
  std::size_t blocks;
  Panel panel;
  Store store;
  template <int kWidth>
  __attribute__((noinline)) void run() const {
    __m512 sum[kWidth];
    group_times_panel<kWidth>(reader, blocks, panel.q, panel.sums, sum);
#pragma GCC unroll 16
    for (int c = 0; c < kWidth; ++c) store.put(c, sum[c]);
  }
};

template <class GateReader, class UpReader>
struct GatedProduct {
  const GateReader& gate;
  const UpReader& up;
  std::size_t blocks;
  Panel panel;
  Store store;
  bool gelu;
  template <int kWidth>
  __attribute__((noinline)) void run() const {
    alignas(64) float gates[kWidth * kGroupRows];
    __m512 sum[kWidth];
    group_times_panel<kWidth>(gate, blocks, panel.q, panel.sums, sum);
    for (int c = 0; c < kWidth; ++c) _mm512_store_ps(gates + c * kGroupRows, activated(sum[c], gelu));
    group_times_panel<kWidth>(up, blocks, panel.q, panel.sums, sum);
    for (int c = 0; c < kWidth; ++c) store.put(c, _mm512_mul_ps(_mm512_load_ps(gates + c * kGroupRows), sum[c]));
  }
};

template <class Reader>
void unpack(const Reader& reader, std::size_t blocks, std::uint8_t* strip) {
  for (std::size_t block = 0; block < blocks; ++block) {
    Block w;
    if constexpr (Reader::kSums == Sums::kTwoScales) {
      __m512i first, second;
      reader.read(block, w, first, second);
      StripSix::write(w, first, second, strip + block * Strip::kStride);
    } else {
      reader.read(block, w);
      if constexpr (Reader::kSums == Sums::kZero)
        StripZero::write(w, strip + block * Strip::kStride);
      else
        Strip::write(w, strip + block * Strip::kStride);
    }
  }
}

void unpack_group(PackedForm form, const std::uint8_t* group, const std::uint8_t* low, std::size_t columns,
                  std::uint8_t* strip) {
  const std::size_t blocks = columns / kBlockColumns;
  switch (form) {
    case PackedForm::kNibbleZero:
      return unpack(Packed<PackedForm::kNibbleZero>{group, low}, blocks, strip);
    case PackedForm::kNibbleMinimum:
      return unpack(Packed<PackedForm::kNibbleMinimum>{group, low}, blocks, strip);
    case PackedForm::kNibbleTable:
      return unpack(Packed<PackedForm::kNibbleTable>{group, low}, blocks, strip);
    case PackedForm::kFiveZero:
      return unpack(Packed<PackedForm::kFiveZero>{group, low}, blocks, strip);
    case PackedForm::kFiveMinimum:
      return unpack(Packed<PackedForm::kFiveMinimum>{group, low}, blocks, strip);
    case PackedForm::kByte:
      return unpack(Packed<PackedForm::kByte>{group, low}, blocks, strip);
    case PackedForm::kSuperNibble:
      return unpack(Packed<PackedForm::kSuperNibble>{group, low}, blocks, strip);
    case PackedForm::kSuperFive:
      return unpack(Packed<PackedForm::kSuperFive>{group, low}, blocks, strip);
    case PackedForm::kSuperTable:
      return unpack(Packed<PackedForm::kSuperTable>{group, low}, blocks, strip);
    case PackedForm::kSplitByte:
      return unpack(Packed<PackedForm::kSplitByte>{group, low}, blocks, strip);
    case PackedForm::kSuperSix:
      return unpack(PackedSix{group, low}, blocks, strip);
    default:
      return;
  }
}

const std::uint8_t* low_of(const MatmulWork& work, std::size_t group) {
  return work.low == nullptr ? nullptr : work.low + group * low_group_bytes(work.columns);
}

/// Many rows: a few groups are unpacked into the strip, then every panel passes over them.
template <class StripReader>
void strips_times_panels(const MatmulWork& work, std::size_t group, std::size_t count) {
  const std::size_t blocks = work.columns / kBlockColumns, stride = strip_group_bytes(work.columns);
  for (std::size_t first = 0; first < work.x.m; first += kPanelRows) {
    const Panel panel = panel_at(work.x, first);
    for (std::size_t i = 0; i < count; ++i) {
      const StripReader reader{work.strip + i * stride, zero_sum_of(work.form)};
      with_width<kPanelRows>(panel.width,
                             Product<StripReader>{reader, blocks, panel, store_at(work, group + i, first)});
    }
  }
}

void matmul_many(const MatmulWork& work) {
  const std::size_t stride = strip_group_bytes(work.columns);
  const std::size_t count_max = work.strip_bytes / stride > 0 ? work.strip_bytes / stride : 1;
  for (std::size_t group = work.first_group; group < work.end_group; group += count_max) {
    const std::size_t left = work.end_group - group, count = left < count_max ? left : count_max;
    for (std::size_t i = 0; i < count; ++i) {
      unpack_group(work.form, work.weights + (group + i) * group_bytes(work.form, work.columns),
                   low_of(work, group + i), work.columns, work.strip + i * stride);
    }
    if (work.form == PackedForm::kSuperSix)
      strips_times_panels<StripSix>(work, group, count);
    else if (zero_sum_of(work.form) != 0)
      strips_times_panels<StripZero>(work, group, count);
    else
      strips_times_panels<Strip>(work, group, count);
  }
}

template <class Reader>
void matmul_few(const MatmulWork& work) {
  const std::size_t stride = group_bytes(work.form, work.columns);
  const Panel panel = panel_at(work.x, 0);
  for (std::size_t group = work.first_group; group < work.end_group; ++group) {
    const Reader reader{work.weights + group * stride, low_of(work, group)};
    with_width<kDirectRows>(panel.width,
                            Product<Reader>{reader, work.columns / kBlockColumns, panel, store_at(work, group, 0)});
  }
}

/// Float weights: one chain of multiply-adds over the columns per output.
struct FloatLoad {
  static __m512 at(PackedForm form, const std::uint8_t* group, std::size_t k) {
    if (form == PackedForm::kFloat) return _mm512_loadu_ps(group + k * 64);
    if (form == PackedForm::kHalf) return half16(group + k * 32);
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(group + k * 32));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
};

template <PackedForm kForm, int kRows, int kGroups>
void float_tile(const MatmulWork& work, std::size_t group, std::size_t first) {
  const std::size_t stride = group_bytes(kForm, work.columns);
  const std::uint8_t* w = work.weights + group * stride;
  const float* x = work.x.floats + first * work.columns;
  __m512 sum[kGroups][kRows];
  for (int g = 0; g < kGroups; ++g) {
    for (int c = 0; c < kRows; ++c) sum[g][c] = _mm512_setzero_ps();
  }
  for (std::size_t k = 0; k < work.columns; ++k) {
    for (int g = 0; g < kGroups; ++g) {
      const __m512 weights = FloatLoad::at(kForm, w + static_cast<std::size_t>(g) * stride, k);
      for (int c = 0; c < kRows; ++c) {
        sum[g][c] =
            _mm512_fmadd_ps(weights, _mm512_set1_ps(x[static_cast<std::size_t>(c) * work.columns + k]), sum[g][c]);
      }
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    const Store store = store_at(work, group + static_cast<std::size_t>(g), first);
    for (int c = 0; c < kRows; ++c) store.put(c, sum[g][c]);
  }
}

template <PackedForm kForm>
void matmul_floats(const MatmulWork& work) {
  for (std::size_t group = work.first_group; group < work.end_group;) {
    const bool four = group + 4 <= work.end_group;
    std::size_t first = 0;
    for (; first + 4 <= work.x.m; first += 4) {
      if (four)
        float_tile<kForm, 4, 4>(work, group, first);
      else
        float_tile<kForm, 4, 1>(work, group, first);
    }
    for (; first < work.x.m; ++first) {
      if (four)
        float_tile<kForm, 1, 4>(work, group, first);
      else
        float_tile<kForm, 1, 1>(work, group, first);
    }
    group += four ? 4 : 1;
  }
}

void matmul_avx512(const MatmulWork& work) {
  switch (work.form) {
    case PackedForm::kFloat:
      return matmul_floats<PackedForm::kFloat>(work);
    case PackedForm::kHalf:
      return matmul_floats<PackedForm::kHalf>(work);
    case PackedForm::kBrain:
      return matmul_floats<PackedForm::kBrain>(work);
    default:
      break;
  }
  if (work.x.m > kDirectRows) return matmul_many(work);
  switch (work.form) {
    case PackedForm::kNibbleZero:
      return matmul_few<Packed<PackedForm::kNibbleZero>>(work);
    case PackedForm::kNibbleMinimum:
      return matmul_few<Packed<PackedForm::kNibbleMinimum>>(work);
    case PackedForm::kNibbleTable:
      return matmul_few<Packed<PackedForm::kNibbleTable>>(work);
    case PackedForm::kFiveZero:
      return matmul_few<Packed<PackedForm::kFiveZero>>(work);
    case PackedForm::kFiveMinimum:
      return matmul_few<Packed<PackedForm::kFiveMinimum>>(work);
    case PackedForm::kByte:
      return matmul_few<Packed<PackedForm::kByte>>(work);
    case PackedForm::kSuperNibble:
      return matmul_few<Packed<PackedForm::kSuperNibble>>(work);
    case PackedForm::kSuperFive:
      return matmul_few<Packed<PackedForm::kSuperFive>>(work);
    case PackedForm::kSuperTable:
      return matmul_few<Packed<PackedForm::kSuperTable>>(work);
    case PackedForm::kSplitByte:
      return matmul_few<Packed<PackedForm::kSplitByte>>(work);
    case PackedForm::kSuperSix:
      return matmul_few<PackedSix>(work);
    default:
      return;
  }
}

/// y already holds up(x): multiplies it by the activated gate, which lies in `gate` with the same stride.
void apply_gate(const MatmulWork& work, const float* gate, std::size_t gate_stride, bool gelu) {
  const std::size_t begin = work.first_group * kGroupRows;
  const std::size_t end = work.end_group * kGroupRows < work.rows ? work.end_group * kGroupRows : work.rows;
  for (std::size_t m = 0; m < work.x.m; ++m) {
    for (std::size_t row = begin; row < end; row += kGroupRows) {
      const std::size_t left = end - row;
      const auto mask = static_cast<__mmask16>(left >= kGroupRows ? 0xffff : (1U << left) - 1);
      float* y = work.y + m * work.y_stride + row;
      const __m512 g = _mm512_maskz_loadu_ps(mask, gate + m * gate_stride + (row - begin));
      _mm512_mask_storeu_ps(y, mask, _mm512_mul_ps(activated(g, gelu), _mm512_maskz_loadu_ps(mask, y)));
    }
  }
}

template <class Reader>
void gate_up_few(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  const std::size_t stride = group_bytes(up.form, up.columns);
  const Panel panel = panel_at(up.x, 0);
  for (std::size_t group = up.first_group; group < up.end_group; ++group) {
    const Reader gate_reader{work.gate_weights + group * stride, nullptr};
    const Reader up_reader{up.weights + group * stride, nullptr};
    with_width<kDirectRows>(panel.width,
                            GatedProduct<Reader, Reader>{gate_reader, up_reader, up.columns / kBlockColumns, panel,
                                                         store_at(up, group, 0), work.gelu});
  }
}

template <class GateReader, class UpReader>
void gate_up_strips(const GateUpWork& work, std::size_t group, std::size_t count) {
  const MatmulWork& up = work.up;
  const std::size_t blocks = up.columns / kBlockColumns, stride = strip_group_bytes(up.columns);
  for (std::size_t first = 0; first < up.x.m; first += kPanelRows) {
    const Panel panel = panel_at(up.x, first);
    for (std::size_t i = 0; i < count; ++i) {
      const GateReader gate_reader{up.strip + 2 * i * stride, zero_sum_of(work.gate_form)};
      const UpReader up_reader{up.strip + (2 * i + 1) * stride, zero_sum_of(up.form)};
      with_width<kPanelRows>(panel.width,
                             GatedProduct<GateReader, UpReader>{gate_reader, up_reader, blocks, panel,
                                                                store_at(up, group + i, first), work.gelu});
    }
  }
}

template <class GateReader>
void gate_up_strips(const GateUpWork& work, std::size_t group, std::size_t count) {
  if (work.up.form == PackedForm::kSuperSix)
    gate_up_strips<GateReader, StripSix>(work, group, count);
  else if (zero_sum_of(work.up.form) != 0)
    gate_up_strips<GateReader, StripZero>(work, group, count);
  else
    gate_up_strips<GateReader, Strip>(work, group, count);
}

/// Strips for both, whatever their forms.
void gate_up_many(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  const std::size_t stride = strip_group_bytes(up.columns);
  const std::size_t pairs_max = up.strip_bytes / (2 * stride) > 0 ? up.strip_bytes / (2 * stride) : 1;
  for (std::size_t group = up.first_group; group < up.end_group; group += pairs_max) {
    const std::size_t left = up.end_group - group, count = left < pairs_max ? left : pairs_max;
    for (std::size_t i = 0; i < count; ++i) {
      unpack_group(work.gate_form, work.gate_weights + (group + i) * group_bytes(work.gate_form, up.columns), nullptr,
                   up.columns, up.strip + 2 * i * stride);
      unpack_group(up.form, up.weights + (group + i) * group_bytes(up.form, up.columns), nullptr, up.columns,
                   up.strip + (2 * i + 1) * stride);
    }
    if (work.gate_form == PackedForm::kSuperSix)
      gate_up_strips<StripSix>(work, group, count);
    else if (zero_sum_of(work.gate_form) != 0)
      gate_up_strips<StripZero>(work, group, count);
    else
      gate_up_strips<Strip>(work, group, count);
  }
}

/// Float weights: the gates of a few groups go to the strip, then multiply what `up` gave.
void gate_up_floats(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  const std::size_t stride = group_bytes(work.gate_form, up.columns);
  for (std::size_t group = up.first_group; group < up.end_group; group += 4) {
    MatmulWork part = up;
    part.first_group = group;
    part.end_group = group + 4 < up.end_group ? group + 4 : up.end_group;
    matmul_avx512(part);
    MatmulWork gate = part;
    gate.form = work.gate_form;
    gate.weights = work.gate_weights + group * stride;
    gate.rows = up.rows - group * kGroupRows;
    gate.end_group = part.end_group - group;
    gate.first_group = 0;
    gate.y = reinterpret_cast<float*>(up.strip);
    gate.y_stride = 4 * kGroupRows;
    gate.strip = up.strip + up.x.m * 4 * kGroupRows * sizeof(float);
    matmul_avx512(gate);
    apply_gate(part, gate.y, gate.y_stride, work.gelu);
  }
}

void gate_up_avx512(const GateUpWork& work) {
  const MatmulWork& up = work.up;
  if (is_float(up.form) && is_float(work.gate_form)) return gate_up_floats(work);
  if (up.x.m > kDirectRows || up.form != work.gate_form) return gate_up_many(work);
  switch (up.form) {
    case PackedForm::kNibbleZero:
      return gate_up_few<Packed<PackedForm::kNibbleZero>>(work);
    case PackedForm::kNibbleMinimum:
      return gate_up_few<Packed<PackedForm::kNibbleMinimum>>(work);
    case PackedForm::kNibbleTable:
      return gate_up_few<Packed<PackedForm::kNibbleTable>>(work);
    case PackedForm::kFiveZero:
      return gate_up_few<Packed<PackedForm::kFiveZero>>(work);
    case PackedForm::kFiveMinimum:
      return gate_up_few<Packed<PackedForm::kFiveMinimum>>(work);
    case PackedForm::kByte:
      return gate_up_few<Packed<PackedForm::kByte>>(work);
    case PackedForm::kSuperNibble:
      return gate_up_few<Packed<PackedForm::kSuperNibble>>(work);
    case PackedForm::kSuperFive:
      return gate_up_few<Packed<PackedForm::kSuperFive>>(work);
    case PackedForm::kSuperTable:
      return gate_up_few<Packed<PackedForm::kSuperTable>>(work);
    case PackedForm::kSuperSix:
      return gate_up_few<PackedSix>(work);
    default:
      return;
  }
}

void quantize_avx512(const float* x, std::size_t stride, std::size_t first, std::size_t end,
                     const ActivationPanels& out) {
  const std::size_t blocks = out.columns / kBlockColumns;
  for (std::size_t m = first; m < end; ++m) {
    const float* row = x + m * stride;
    const std::size_t panel = m / kPanelRows * kPanelRows;
    const std::size_t width = out.m - panel < kPanelRows ? out.m - panel : kPanelRows;
    std::int8_t* quants = out.quants + panel * blocks * kBlockColumns + (m - panel) * kBlockColumns;
    float* sums = out.sums + panel * blocks * kPanelSums + (m - panel);
    for (std::size_t block = 0; block < blocks; ++block, row += kBlockColumns) {
      const __m512 a = _mm512_loadu_ps(row), b = _mm512_loadu_ps(row + 16);
      const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(a), _mm512_abs_ps(b)));
      const float inverse = largest > 0 && largest < 3.0e38F ? 127 / largest : 0;
      const __m512i qa = _mm512_cvtps_epi32(_mm512_mul_ps(a, _mm512_set1_ps(inverse)));
      const __m512i qb = _mm512_cvtps_epi32(_mm512_mul_ps(b, _mm512_set1_ps(inverse)));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(quants), _mm512_cvtsepi32_epi8(qa));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(quants + 16), _mm512_cvtsepi32_epi8(qb));
      const std::int32_t half[2] = {_mm512_reduce_add_epi32(qa), _mm512_reduce_add_epi32(qb)};
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

const MatmulKernels kMatmulAvx512 = {quantize_avx512, matmul_avx512, gate_up_avx512};

}  // namespace mnema
