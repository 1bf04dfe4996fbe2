// inference/kernels/attention_simd.hpp
//
// The attention kernels written once for vectors of any width: attention_avx2.cpp and attention_avx512.cpp include it
// after their Simd. Rows of a tile are taken a few at a time so that their accumulators stay in registers; how many
// changes nothing in a row's own arithmetic.
#pragma once

#include "inference/kernels/attention.hpp"
#include "inference/kernels/simd_math.hpp"

namespace mnema {
namespace {

constexpr int kKeys = kAttentionPageTokens;
constexpr int kKeyVectors = kKeys / Simd::kLanes;
constexpr float kNothing = -1e30F;  // a maximum below every score; finite, so that differences of two are 0, not NaN

// With more rows than this a page is read often enough to be worth converting to f32 once.
constexpr int kRowsReadingDirectly = 8;

/// The three forms in which keys and values stand in memory, read as f32 from value `i` on.
struct FromF32 {
  const float* p;
  Simd::Float load(std::size_t i) const { return Simd::load(p + i); }
};
struct FromF16 {
  const std::uint16_t* p;
  Simd::Float load(std::size_t i) const { return Simd::load_f16(p + i); }
};
struct FromI8 {
  const std::int8_t* p;
  Simd::Float load(std::size_t i) const { return Simd::load_i8(p + i); }
};

/// Lines of a later page, fetched a few at a time while this one is computed.
struct Ahead {
  const char* p = nullptr;
  std::size_t lines = 0;
  void fetch(std::size_t line) const {
    if (line < lines) __builtin_prefetch(p + line * 64, 0, 2);
  }
  /// Those that fall to `width` of `whole` columns from `column` on.
  Ahead part(int column, int width, int whole) const {
    std::size_t begin = lines * static_cast<std::size_t>(column) / static_cast<std::size_t>(whole);
    std::size_t end = lines * static_cast<std::size_t>(column + width) / static_cast<std::size_t>(whole);
    return {p + begin * 64, end - begin};
  }
  /// One of kKeys equal shares.
  void fetch_share(int share) const {
    std::size_t each = lines / kKeys;
    for (std::size_t i = 0; i < each; ++i) fetch(static_cast<std::size_t>(share) * each + i);
  }
};

template <class From>
void convert(From from, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; i += Simd::kLanes) Simd::store(out + i, from.load(i));
}

/// scores[r][key] = Σ_d q[r][d]·k[d][key] for kRows rows and the keys of one page; rows are kGroupTokens apart.
template <int kRows, class Keys>
void score_rows(const float* const* q, int key_dim, Keys keys, Ahead ahead, float* scores) {
  Simd::Float sum[kRows][kKeyVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kKeyVectors; ++v) sum[r][v] = Simd::zero();
  }
  for (int d = 0; d < key_dim; ++d) {
    ahead.fetch(static_cast<std::size_t>(d));
    for (int v = 0; v < kKeyVectors; ++v) {
      Simd::Float k = keys.load(static_cast<std::size_t>(d * kKeys + v * Simd::kLanes));
      for (int r = 0; r < kRows; ++r) sum[r][v] = Simd::fma(Simd::set(q[r][d]), k, sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kKeyVectors; ++v) Simd::store(scores + r * kGroupTokens + v * Simd::kLanes, sum[r][v]);
  }
}

/// out[r][·] += Σ_key weights[r][key]·v[key][·] over the keys of one page and kVectors vectors of columns.
template <int kRows, int kVectors, class Values>
void mix_columns(const float* weights, Values values, int value_dim, int column, Ahead ahead, float* out) {
  Simd::Float sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Simd::load(out + r * value_dim + column + v * Simd::kLanes);
  }
  for (int key = 0; key < kKeys; ++key) {
    ahead.fetch_share(key);
    Simd::Float x[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      x[v] = values.load(static_cast<std::size_t>(key * value_dim + column + v * Simd::kLanes));
    }
    for (int r = 0; r < kRows; ++r) {
      Simd::Float w = Simd::set(weights[r * kGroupTokens + key]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Simd::fma(w, x[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Simd::store(out + r * value_dim + column + v * Simd::kLanes, sum[r][v]);
  }
}

template <int kRows, class Values>
void mix_rows(const float* weights, Values values, int value_dim, Ahead ahead, float* out) {
  constexpr int kVectors = kRows * Simd::kMixVectors <= Simd::kMixSums ? Simd::kMixVectors : Simd::kMixVectors / 2;
  constexpr int kWide = kVectors * Simd::kLanes;
  int column = 0;
  for (; column + kWide <= value_dim; column += kWide) {
    mix_columns<kRows, kVectors>(weights, values, value_dim, column, ahead.part(column, kWide, value_dim), out);
  }
  for (; column < value_dim; column += Simd::kLanes) {
    mix_columns<kRows, 1>(weights, values, value_dim, column, ahead.part(column, Simd::kLanes, value_dim), out);
  }
}

/// A number of rows that the compiler knows.
template <int kCount>
struct Rows {
  static constexpr int value = kCount;
};

/// `body(Rows<rows>, first)` for a number of rows below kMost that only the running program knows.
template <int kMost, class Body>
void for_rest(int rows, int first, Body& body) {
  if constexpr (kMost > 1) {
    if (rows == kMost - 1)
      body(Rows<kMost - 1>{}, first);
    else
      for_rest<kMost - 1>(rows, first, body);
  }
}

/// Calls `body(Rows<n>, first)` for all rows, kMost at a time, then once for the rest.
template <int kMost, class Body>
void for_rows(int rows, Body body) {
  int first = 0;
  for (; first + kMost <= rows; first += kMost) body(Rows<kMost>{}, first);
  for_rest<kMost>(rows - first, first, body);
}

template <class Keys>
void score_page(const AttentionShape& shape, const AttentionTile& tile, Keys keys, Ahead ahead, float* scores) {
  for_rows<Simd::kScoreRows>(tile.tokens * tile.heads, [&](auto count, int first) {
    const float* q[count.value];
    for (int r = 0; r < count.value; ++r) {
      int row = first + r;
      q[r] = tile.queries + static_cast<std::size_t>(row / tile.heads) * tile.token_stride +
             static_cast<std::size_t>(row % tile.heads) * static_cast<std::size_t>(shape.key_dim);
    }
    score_rows<count.value>(q, shape.key_dim, keys, ahead, scores + first * kGroupTokens);
    ahead = Ahead{};
  });
}

template <class Values>
void mix_page(int rows, const float* weights, Values values, int value_dim, Ahead ahead, float* out) {
  for_rows<Simd::kMixRows>(rows, [&](auto count, int first) {
    mix_rows<count.value>(weights + first * kGroupTokens, values, value_dim, ahead, out + first * value_dim);
    ahead = Ahead{};
  });
}

float exp_of(float x) { return Simd::largest(exp_not_positive(Simd::set(x))); }  // all lanes are equal

/// Turns the scores of `count` pages into weights exp(score − maximum) and leaves maximum and sum of each row.
void soften(const AttentionShape& shape, const AttentionTile& tile, const KvBlock* pages, int count, int position,
            AttentionState state, float* scores) {
  using S = Simd;
  int keys = count * kKeys;
  for (int r = 0; r < tile.tokens * tile.heads; ++r) {
    float* row = scores + r * kGroupTokens;
    int last = tile.position + r / tile.heads - position + 1;  // keys before it are not after the query
    int first = shape.window > 0 ? last - shape.window : 0;
    bool masked = first > 0 || last < keys;
    S::Float top = S::set(kNothing);
    if (shape.int8 || shape.soft_cap > 0 || masked) {
      for (int i = 0; i < keys; i += S::kLanes) {
        S::Float s = S::load(row + i);
        if (shape.int8) s = S::mul(s, S::load_f16(pages[i / kKeys].k_scales + i % kKeys));
        if (shape.soft_cap > 0) s = S::mul(tanh_of(S::div(s, S::set(shape.soft_cap))), S::set(shape.soft_cap));
        if (masked) s = S::select(S::lanes(i, first, last), s, S::set(2 * kNothing));
        S::store(row + i, s);
        top = S::max(top, s);
      }
    } else {
      for (int i = 0; i < keys; i += S::kLanes) top = S::max(top, S::load(row + i));
    }
    float maximum = S::largest(top);
    S::Float sum = S::zero();
    for (int i = 0; i < keys; i += S::kLanes) {
      S::Float weight = exp_not_positive(S::sub(S::load(row + i), S::set(maximum)));
      sum = S::add(sum, weight);
      if (shape.int8) weight = S::mul(weight, S::load_f16(pages[i / kKeys].v_scales + i % kKeys));
      S::store(row + i, weight);
    }
    state.maximum[r] = maximum;
    state.sum[r] = S::sum(sum);
  }
}

void reset(AttentionState state, int rows, int value_dim) {
  for (int r = 0; r < rows; ++r) {
    state.maximum[r] = kNothing;
    state.sum[r] = 0;
  }
  for (int i = 0; i < rows * value_dim; i += Simd::kLanes) Simd::store(state.out + i, Simd::zero());
}

/// Keys or values of one page as f32, converted first where several blocks of rows will read them.
template <class From, class Body>
void read_page(const void* page, bool convert_first, std::size_t count, float* converted, Body body) {
  From from{static_cast<decltype(From::p)>(page)};
  if (convert_first) {
    convert(from, count, converted);
    body(FromF32{converted});
  } else {
    body(from);
  }
}

template <class From>
void attend_group_from(const AttentionShape& shape, const AttentionTile& tile, const KvBlock* pages, int count,
                       int position, const KvBlock* next, AttentionState state, float* scratch) {
  int rows = tile.tokens * tile.heads;
  auto key_count = static_cast<std::size_t>(shape.key_dim) * kKeys;
  auto value_count = static_cast<std::size_t>(shape.value_dim) * kKeys;
  constexpr std::size_t kValueBytes = sizeof(*From::p);
  float* scores = scratch;                                            // [rows, kGroupTokens]
  float* converted = scratch + kAttentionTileRowsMax * kGroupTokens;  // one page
  bool convert_first = rows > kRowsReadingDirectly;
  auto ahead_of = [](const void* p, std::size_t values) {
    return Ahead{static_cast<const char*>(p), values * kValueBytes / 64};
  };

  for (int i = 0; i < count; ++i) {
    Ahead ahead = i + 1 < count ? ahead_of(pages[i + 1].k, key_count) : ahead_of(pages[0].v, value_count);
    read_page<From>(pages[i].k, convert_first, key_count, converted,
                    [&](auto keys) { score_page(shape, tile, keys, ahead, scores + i * kKeys); });
  }
  reset(state, rows, shape.value_dim);
  soften(shape, tile, pages, count, position, state, scores);
  for (int i = 0; i < count; ++i) {
    Ahead ahead;
    if (i + 1 < count)
      ahead = ahead_of(pages[i + 1].v, value_count);
    else if (next != nullptr)
      ahead = ahead_of(next->k, key_count);
    read_page<From>(pages[i].v, convert_first, value_count, converted, [&](auto values) {
      mix_page(rows, scores + i * kKeys, values, shape.value_dim, ahead, state.out);
    });
  }
}

void attend_group(const AttentionShape& shape, const AttentionTile& tile, const KvBlock* pages, int count, int position,
                  const KvBlock* next, AttentionState state, float* scratch) {
  if (shape.int8)
    attend_group_from<FromI8>(shape, tile, pages, count, position, next, state, scratch);
  else
    attend_group_from<FromF16>(shape, tile, pages, count, position, next, state, scratch);
}

void merge(AttentionState total, AttentionState group, int rows, int value_dim) {
  for (int r = 0; r < rows; ++r) {
    float maximum = total.maximum[r] > group.maximum[r] ? total.maximum[r] : group.maximum[r];
    float a = exp_of(total.maximum[r] - maximum), b = exp_of(group.maximum[r] - maximum);
    total.sum[r] = total.sum[r] * a + group.sum[r] * b;
    total.maximum[r] = maximum;
    float* to = total.out + r * value_dim;
    const float* from = group.out + r * value_dim;
    for (int d = 0; d < value_dim; d += Simd::kLanes) {
      Simd::Float kept = Simd::mul(Simd::load(to + d), Simd::set(a));
      Simd::store(to + d, Simd::fma(Simd::load(from + d), Simd::set(b), kept));
    }
  }
}

void finish(AttentionState state, int rows, int value_dim, float* out, std::size_t out_stride) {
  for (int r = 0; r < rows; ++r) {
    Simd::Float share = Simd::set(1.0F / state.sum[r]);
    const float* from = state.out + r * value_dim;
    float* to = out + static_cast<std::size_t>(r) * out_stride;
    for (int d = 0; d < value_dim; d += Simd::kLanes) Simd::store(to + d, Simd::mul(Simd::load(from + d), share));
  }
}

/// Keeps a number inside what f16 holds; NaN becomes a bound too, so that it stays in its own token's row.
Simd::Float saturated(Simd::Float x) {
  constexpr float kLargestF16 = 65504.0F;
  return Simd::max(Simd::min(x, Simd::set(kLargestF16)), Simd::set(-kLargestF16));
}

/// f16 bits of `n` numbers.
void to_f16(const float* x, int n, std::uint16_t* out) {
  for (int i = 0; i < n; i += Simd::kLanes) Simd::store_f16(out + i, saturated(Simd::load(x + i)));
}

/// Symmetric 8-bit integers and their f16 scale (returned as bits). The quotient uses the scale as it is stored.
std::uint16_t to_i8(const float* x, int n, std::int8_t* out) {
  Simd::Float top = Simd::zero();
  for (int i = 0; i < n; i += Simd::kLanes) top = Simd::max(top, Simd::magnitude(saturated(Simd::load(x + i))));
  std::uint16_t bits[Simd::kLanes];
  float stored[Simd::kLanes];
  Simd::store_f16(bits, Simd::set(Simd::largest(top) / 127.0F));
  Simd::store(stored, Simd::load_f16(bits));
  Simd::Float inverse = Simd::set(stored[0] > 0 ? 1.0F / stored[0] : 0.0F);
  const Simd::Float limit = Simd::set(127.0F);
  for (int i = 0; i < n; i += Simd::kLanes) {
    Simd::Float q = Simd::mul(saturated(Simd::load(x + i)), inverse);
    Simd::store_i8(out + i, Simd::max(Simd::min(q, limit), Simd::sub(Simd::zero(), limit)));
  }
  return bits[0];
}

void write_kv(const AttentionShape& shape, const float* key, const float* value, const KvBlock& page, int slot) {
  if (shape.int8) {
    std::int8_t column[kAttentionDimMax];
    page.k_scales[slot] = to_i8(key, shape.key_dim, column);
    auto* k = static_cast<std::int8_t*>(page.k);
    for (int d = 0; d < shape.key_dim; ++d) k[d * kKeys + slot] = column[d];
    page.v_scales[slot] = to_i8(value, shape.value_dim, static_cast<std::int8_t*>(page.v) + slot * shape.value_dim);
    return;
  }
  std::uint16_t column[kAttentionDimMax];
  to_f16(key, shape.key_dim, column);
  auto* k = static_cast<std::uint16_t*>(page.k);
  for (int d = 0; d < shape.key_dim; ++d) k[d * kKeys + slot] = column[d];
  to_f16(value, shape.value_dim, static_cast<std::uint16_t*>(page.v) + slot * shape.value_dim);
}

constexpr AttentionKernels kSimdAttention{reset, attend_group, merge, finish, write_kv};

}  // namespace
}  // namespace mnema
