#include "inference/kernels/encoder_kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "inference/kernels/matmul.hpp"
#include "tests/inference/kernels/paged_keys.hpp"

namespace mnema {
namespace {

using testing::random_numbers;

const EncoderKernels& definition() { return encoder_kernels(InstructionSet::kScalar); }

class EncoderKernelsOf : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    Result<InstructionSet> isa = instruction_set_from(GetParam());
    if (!isa.ok()) GTEST_SKIP() << isa.error().message;
    kernels_ = &encoder_kernels(*isa);
  }
  const EncoderKernels* kernels_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Vectors, EncoderKernelsOf, ::testing::Values("avx2", "avx512"),
                         [](const auto& of) { return std::string(of.param); });

void expect_near(const std::vector<float>& got, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1.0F + std::fabs(expected[i]))) << "at " << i << " of " << got.size();
  }
}

/// One head among others, `tokens` long.
struct Head {
  static constexpr std::size_t kStride = 3 * 64;
  Head(std::mt19937& stream, std::size_t count) : tokens(count) {
    rows = random_numbers(stream, static_cast<int>(tokens * kStride), 3.0F);
    bias = random_numbers(stream, 64);
  }
  std::vector<float> attend(const EncoderKernels& kernels, std::size_t first, std::size_t end) const {
    std::vector<float> scratch(text_attention_scratch_floats(tokens)), out(tokens * 64, 7.0F);
    const float* query = rows.data() + 32;
    kernels.attend_text({.query = query,
                         .key = query + 64,
                         .value = query + 128,
                         .query_bias = bias.data(),
                         .value_bias = bias.data() + 32,
                         .stride = kStride,
                         .tokens = tokens,
                         .first = first,
                         .end = end},
                        scratch.data(), out.data() + 32, 64);
    return out;
  }
  std::size_t tokens;
  std::vector<float> rows, bias;
};

TEST_P(EncoderKernelsOf, AttendLikeTheDefinition) {
  std::mt19937 stream(1);
  for (const std::size_t tokens : {1, 2, 8, 15, 16, 17, 40, 128, 255, 512}) {
    const Head head(stream, tokens);
    expect_near(head.attend(*kernels_, 0, tokens), head.attend(definition(), 0, tokens), 1e-4F);
  }
}

TEST_P(EncoderKernelsOf, GiveAQueryTheSameBitsHoweverItsTextIsCut) {
  std::mt19937 stream(2);
  const Head head(stream, 77);
  const std::vector<float> whole = head.attend(*kernels_, 0, 77);
  for (std::size_t begin = 0; begin < 77; begin += 5) {
    const std::vector<float> part = head.attend(*kernels_, begin, std::min<std::size_t>(77, begin + 5));
    for (std::size_t row = 0; row < 77; ++row) {
      for (std::size_t d = 0; d < 64; ++d) {
        const bool is_computed = row >= begin && row < begin + 5 && d >= 32;
        ASSERT_EQ(part[row * 64 + d], is_computed ? whole[row * 64 + d] : 7.0F) << "nothing else is written";
      }
    }
  }
}

TEST_P(EncoderKernelsOf, LeaveOutKeysWhoseWeightIsNothing) {
  std::mt19937 stream(3);
  Head head(stream, 20);
  for (std::size_t d = 0; d < 32; ++d) head.rows[19 * Head::kStride + 96 + d] *= 1000;  // one key outweighs all
  expect_near(head.attend(*kernels_, 0, 20), head.attend(definition(), 0, 20), 1e-4F);
}

TEST_P(EncoderKernelsOf, NormaliseAndActivateLikeTheDefinition) {
  std::mt19937 stream(4);
  for (const int n : {32, 64, 384, 1536}) {
    const std::vector<float> x = random_numbers(stream, n, 5.0F), y = random_numbers(stream, n, 5.0F);
    const std::vector<float> shift = random_numbers(stream, n), weight = random_numbers(stream, n),
                             bias = random_numbers(stream, n);
    std::vector<float> a(x), b(x);
    definition().add_and_norm(a.data(), y.data(), shift.data(), weight.data(), bias.data(), 1e-12F, a.size());
    kernels_->add_and_norm(b.data(), y.data(), shift.data(), weight.data(), bias.data(), 1e-12F, b.size());
    expect_near(b, a, 1e-5F);
    std::vector<float> c(x), d(x);
    definition().add_and_gelu(c.data(), bias.data(), c.size());
    kernels_->add_and_gelu(d.data(), bias.data(), d.size());
    expect_near(d, c, 2e-6F);
  }
}

TEST_P(EncoderKernelsOf, ActivateFromOneTailToTheOther) {
  std::vector<float> x, bias(6400 / 32 * 32, 0.0F);
  for (std::size_t i = 0; i < bias.size(); ++i) x.push_back(-16.0F + static_cast<float>(i) * 0.005F);
  std::vector<float> got(x);
  kernels_->add_and_gelu(got.data(), bias.data(), got.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = 0.5 * x[i] * (1 + std::erf(x[i] / std::sqrt(2.0)));
    ASSERT_NEAR(got[i], exact, 2e-6 * (1 + std::fabs(x[i]))) << x[i];
  }
}

}  // namespace
}  // namespace mnema
