#include "inference/kernels/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "tests/inference/kernels/paged_keys.hpp"

namespace mnema {
namespace {

using testing::PagedKeys;
using testing::random_numbers;

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const char* name : {"scalar", "avx2", "avx512"}) {
    Result<InstructionSet> isa = instruction_set_from(name);
    if (isa.ok()) sets.push_back(*isa);
  }
  return sets;
}

/// The state of some rows, with memory of its own.
struct OwnState {
  OwnState(int rows, int value_dim)
      : maximum(static_cast<std::size_t>(rows)),
        sum(static_cast<std::size_t>(rows)),
        out(static_cast<std::size_t>(rows * value_dim)) {}
  AttentionState view() { return {maximum.data(), sum.data(), out.data()}; }
  std::vector<float> maximum, sum, out;
};

/// Queries of `tokens` tokens from `position` on, `heads` each: the whole walk over pages and groups, as a backend
/// does it. Returns [tokens · heads, value_dim].
std::vector<float> attend(const AttentionKernels& kernels, const AttentionShape& shape, PagedKeys& pages,
                          const float* queries, int tokens, int heads, int position) {
  int rows = tokens * heads;
  OwnState total(rows, shape.value_dim), group(rows, shape.value_dim);
  std::vector<float> scratch(attention_scratch_floats(shape.key_dim, shape.value_dim));
  std::vector<float> out(static_cast<std::size_t>(rows * shape.value_dim));
  AttentionTile tile{queries, static_cast<std::size_t>(heads * shape.key_dim), tokens, heads, position};
  int last_page = (position + tokens - 1) / kAttentionPageTokens;
  kernels.reset(total.view(), rows, shape.value_dim);
  for (int first = 0; first <= last_page; first += kGroupPages) {
    int count = std::min(kGroupPages, last_page + 1 - first);
    std::vector<KvBlock> group_pages;
    for (int page = first; page < first + count; ++page) group_pages.push_back(pages.page(page));
    kernels.attend_group(shape, tile, group_pages.data(), count, first * kAttentionPageTokens, group_pages.data(),
                         group.view(), scratch.data());
    kernels.merge(total.view(), group.view(), rows, shape.value_dim);
  }
  kernels.finish(total.view(), rows, shape.value_dim, out.data(), static_cast<std::size_t>(shape.value_dim));
  return out;
}

/// Softmax attention in double precision over plain rows.
std::vector<double> reference(const AttentionShape& shape, const PagedKeys& pages, const float* query, int position) {
  int first = shape.window > 0 ? std::max(0, position - shape.window + 1) : 0;
  std::vector<double> scores;
  double top = -1e300, sum = 0;
  for (int key = first; key <= position; ++key) {
    double score = 0;
    for (int d = 0; d < shape.key_dim; ++d) {
      score += static_cast<double>(query[d]) *
               static_cast<double>(pages.keys[static_cast<std::size_t>(key)][static_cast<std::size_t>(d)]);
    }
    if (shape.soft_cap > 0) score = shape.soft_cap * std::tanh(score / shape.soft_cap);
    scores.push_back(score);
    top = std::max(top, score);
  }
  std::vector<double> out(static_cast<std::size_t>(shape.value_dim));
  for (int key = first; key <= position; ++key) {
    double weight = std::exp(scores[static_cast<std::size_t>(key - first)] - top);
    sum += weight;
    for (std::size_t d = 0; d < out.size(); ++d) {
      out[d] += weight * static_cast<double>(pages.values[static_cast<std::size_t>(key)][d]);
    }
  }
  for (double& x : out) x /= sum;
  return out;
}

struct Case {
  AttentionShape shape;
  int heads;
  int tokens;  // in the sequence
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (bool int8 : {false, true}) {
    all.push_back({{64, 64, int8, 0, 0}, 3, 300});
    all.push_back({{64, 64, int8, 0, 0}, 7, 150});
    all.push_back({{256, 256, int8, 40, 0}, 4, 170});
    all.push_back({{80, 48, int8, 0, 30.0F}, 1, 130});
    all.push_back({{16, 96, int8, 33, 0}, 5, 100});
  }
  return all;
}

class AttentionOf : public ::testing::TestWithParam<InstructionSet> {};

INSTANTIATE_TEST_SUITE_P(EveryInstructionSet, AttentionOf, ::testing::ValuesIn(instruction_sets()),
                         [](const auto& of) { return std::string(name_of(of.param)); });

struct Sequence {
  Sequence(const AttentionKernels& kernels, const Case& c) : pages(c.shape, c.tokens) {
    std::mt19937 stream(7);
    for (int i = 0; i < c.tokens; ++i) {
      std::vector<float> key = random_numbers(stream, c.shape.key_dim);
      pages.write(kernels, i, key, random_numbers(stream, c.shape.value_dim));
    }
    queries = random_numbers(stream, c.tokens * c.heads * c.shape.key_dim,
                             2.0F / std::sqrt(static_cast<float>(c.shape.key_dim)));
  }
  const float* queries_of(const Case& c, int token) const { return queries.data() + token * c.heads * c.shape.key_dim; }
  PagedKeys pages;
  std::vector<float> queries;
};

TEST_P(AttentionOf, MatchesSoftmaxInDoublePrecision) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  for (const Case& c : cases()) {
    Sequence s(kernels, c);
    for (int token : {0, 1, 31, 32, 33, 64, 96, c.tokens - 1}) {
      std::vector<float> out = attend(kernels, c.shape, s.pages, s.queries_of(c, token), 1, c.heads, token);
      for (int head = 0; head < c.heads; ++head) {
        std::vector<double> expected =
            reference(c.shape, s.pages, s.queries_of(c, token) + head * c.shape.key_dim, token);
        for (std::size_t d = 0; d < expected.size(); ++d) {
          float got = out[static_cast<std::size_t>(head * c.shape.value_dim) + d];
          // f16 rounds keys and values to 2⁻¹¹, i8 to about 1/127 of the row's largest.
          ASSERT_NEAR(got, expected[d], c.shape.int8 ? 0.08 : 0.004)
              << "key_dim " << c.shape.key_dim << " token " << token << " head " << head << " d " << d;
        }
      }
    }
  }
}

TEST_P(AttentionOf, GivesAQueryTheSameBitsAloneAndInAnyTile) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  for (const Case& c : cases()) {
    Sequence s(kernels, c);
    std::size_t row_floats = static_cast<std::size_t>(c.heads * c.shape.value_dim);
    std::vector<float> alone;
    for (int token = 0; token < c.tokens; ++token) {
      std::vector<float> row = attend(kernels, c.shape, s.pages, s.queries_of(c, token), 1, c.heads, token);
      alone.insert(alone.end(), row.begin(), row.end());
    }
    for (int tile : {2, 5, 13, 32}) {
      for (int token = 0; token < c.tokens;) {
        int tokens = std::min(tile, c.tokens - token);
        std::vector<float> rows = attend(kernels, c.shape, s.pages, s.queries_of(c, token), tokens, c.heads, token);
        ASSERT_EQ(std::memcmp(rows.data(), alone.data() + static_cast<std::size_t>(token) * row_floats,
                              rows.size() * sizeof(float)),
                  0)
            << "tile of " << tile << " at " << token << ", key_dim " << c.shape.key_dim << " int8 " << c.shape.int8;
        token += tokens;
      }
    }
  }
}

TEST_P(AttentionOf, IsNotMovedByWhatStandsBehindTheMask) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  for (const Case& c : cases()) {
    Sequence s(kernels, c), other(kernels, c);
    int token = 70;
    std::mt19937 stream(99);
    std::vector<float> huge_key = random_numbers(stream, c.shape.key_dim, 1e5F);
    std::vector<float> huge_value(static_cast<std::size_t>(c.shape.value_dim), std::nanf(""));
    for (int later = token + 1; later < 96; ++later) other.pages.write(kernels, later, huge_key, huge_value);
    std::vector<float> a = attend(kernels, c.shape, s.pages, s.queries_of(c, token), 1, c.heads, token);
    std::vector<float> b = attend(kernels, c.shape, other.pages, s.queries_of(c, token), 1, c.heads, token);
    ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
  }
}

TEST_P(AttentionOf, SurvivesScoresFarApart) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  AttentionShape shape{64, 64, false, 0, 0};
  PagedKeys pages(shape, 200);
  std::mt19937 stream(3);
  std::vector<float> query(64, 1.0F);
  // Scores climb to 796 page by page: without the running maximum exp would overflow. (Sixteenths are exact in f16.)
  for (int i = 0; i < 200; ++i) {
    pages.write(kernels, i, std::vector<float>(64, static_cast<float>(i) / 16.0F), random_numbers(stream, 64));
  }
  std::vector<float> out = attend(kernels, shape, pages, query.data(), 1, 1, 199);
  std::vector<double> expected = reference(shape, pages, query.data(), 199);
  for (std::size_t d = 0; d < 64; ++d) ASSERT_NEAR(out[d], expected[d], 0.01);
}

TEST_P(AttentionOf, StoresKeysTransposedAndSaturatesThem) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  AttentionShape shape{16, 32, false, 0, 0};
  PagedKeys pages(shape, 32);
  std::vector<float> key(16), value(32);
  for (int d = 0; d < 16; ++d) key[static_cast<std::size_t>(d)] = static_cast<float>(d) + 0.5F;
  key[3] = 1e9F;
  for (int d = 0; d < 32; ++d) value[static_cast<std::size_t>(d)] = -static_cast<float>(d);
  kernels.write_kv(shape, key.data(), value.data(), pages.page(0), 5);
  const auto* k = static_cast<const std::uint16_t*>(pages.page(0).k);
  const auto* v = static_cast<const std::uint16_t*>(pages.page(0).v);
  EXPECT_EQ(f32_from_f16(k[0 * 32 + 5]), 0.5F);
  EXPECT_EQ(f32_from_f16(k[3 * 32 + 5]), 65504.0F);
  EXPECT_EQ(f32_from_f16(k[15 * 32 + 5]), 15.5F);
  EXPECT_EQ(f32_from_f16(v[5 * 32 + 31]), -31.0F);
}

TEST_P(AttentionOf, KeepsInt8KeysWithinHalfAStep) {
  const AttentionKernels& kernels = attention_kernels(GetParam());
  AttentionShape shape{64, 64, true, 0, 0};
  PagedKeys pages(shape, 32);
  std::mt19937 stream(11);
  for (int slot = 0; slot < 32; ++slot) {
    std::vector<float> key = random_numbers(stream, 64, 3.0F);
    pages.write(kernels, slot, key, key);
    KvBlock page = pages.page(0);
    float scale = f32_from_f16(page.k_scales[slot]);
    for (int d = 0; d < 64; ++d) {
      float back = scale * static_cast<float>(static_cast<const std::int8_t*>(page.k)[d * 32 + slot]);
      ASSERT_NEAR(back, key[static_cast<std::size_t>(d)], scale * 0.58F);
    }
  }
}

TEST(Half, AgreesWithItselfOnEveryValue) {
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    auto half = static_cast<std::uint16_t>(bits);
    float value = f32_from_f16(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(f16_from_f32(value), half);
  }
  EXPECT_EQ(f16_from_f32(65519.9F), 0x7bff);
  EXPECT_EQ(f16_from_f32(65520.0F), 0x7c00);
  EXPECT_EQ(f16_from_f32(1.0F + 0x1p-11F), 0x3c00);  // tie to even
  EXPECT_EQ(f16_from_f32(1.0F + 0x3p-11F), 0x3c02);  // tie to even, upwards
  EXPECT_EQ(f16_from_f32(0x1p-25F), 0);              // half the least subnormal
  EXPECT_EQ(f16_from_f32(0x1.8p-25F), 1);
}

}  // namespace
}  // namespace mnema
