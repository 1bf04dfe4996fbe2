#include "inference/kernels/elementwise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "inference/kernels/matmul.hpp"
#include "tests/inference/kernels/paged_keys.hpp"

namespace mnema {
namespace {

using testing::random_numbers;

const ElementwiseKernels& definition() { return elementwise_kernels(InstructionSet::kScalar); }

class ElementwiseOf : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    Result<InstructionSet> isa = instruction_set_from(GetParam());
    if (!isa.ok()) GTEST_SKIP() << isa.error().message;
    kernels_ = &elementwise_kernels(*isa);
  }
  const ElementwiseKernels* kernels_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Vectors, ElementwiseOf, ::testing::Values("avx2", "avx512"),
                         [](const auto& of) { return std::string(of.param); });

void expect_near(const std::vector<float>& got, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1.0F + std::fabs(expected[i]))) << "at " << i << " of " << got.size();
  }
}

TEST_P(ElementwiseOf, NormalisesLikeTheDefinition) {
  std::mt19937 stream(1);
  for (int n : {1, 7, 16, 64, 100, 576, 896, 2049}) {
    std::vector<float> x = random_numbers(stream, n, 30.0F), weight = random_numbers(stream, n), a(x), b(x);
    definition().rms_norm(x.data(), weight.data(), 1e-5F, a.data(), x.size());
    kernels_->rms_norm(x.data(), weight.data(), 1e-5F, b.data(), x.size());
    expect_near(b, a, 1e-5F);
  }
}

TEST_P(ElementwiseOf, AddsAndScalesLikeTheDefinition) {
  std::mt19937 stream(2);
  for (int n : {1, 15, 64, 77, 576}) {
    std::vector<float> x = random_numbers(stream, n), y = random_numbers(stream, n), a(x), b(x);
    definition().add(a.data(), y.data(), a.size());
    definition().scale(a.data(), 0.3F, a.size());
    kernels_->add(b.data(), y.data(), b.size());
    kernels_->scale(b.data(), 0.3F, b.size());
    EXPECT_EQ(a, b);
  }
}

TEST_P(ElementwiseOf, RotatesLikeTheDefinition) {
  std::mt19937 stream(3);
  for (RopePairing pairing : {RopePairing::kNeighbours, RopePairing::kHalves}) {
    for (int pairs : {1, 8, 20, 32, 64, 128}) {
      std::vector<float> head = random_numbers(stream, 2 * pairs + 8), a(head), b(head), cosines, sines;
      for (int i = 0; i < pairs; ++i) {
        cosines.push_back(std::cos(static_cast<float>(i)));
        sines.push_back(std::sin(static_cast<float>(i)));
      }
      definition().rope(a.data(), cosines.data(), sines.data(), cosines.size(), pairing);
      kernels_->rope(b.data(), cosines.data(), sines.data(), cosines.size(), pairing);
      expect_near(b, a, 1e-6F);
      for (std::size_t i = 2 * cosines.size(); i < head.size(); ++i) ASSERT_EQ(b[i], head[i]);  // not rotated
    }
  }
}

TEST_P(ElementwiseOf, CapsLikeTheDefinition) {
  std::mt19937 stream(4);
  for (int n : {1, 16, 33, 1000}) {
    std::vector<float> a = random_numbers(stream, n, 40.0F), b(a);
    definition().soft_cap(a.data(), 30.0F, a.size());
    kernels_->soft_cap(b.data(), 30.0F, b.size());
    expect_near(b, a, 2e-6F);
  }
}

TEST_P(ElementwiseOf, SpreadsAVectorAndKeepsItsProducts) {
  std::mt19937 stream(6);
  for (int n : {1, 2, 16, 64, 256}) {
    std::vector<float> a = random_numbers(stream, n, 1.0F), b = random_numbers(stream, n, 1.0F), c(a);
    const float before = std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
    definition().spread(c.data(), c.size());
    kernels_->spread(a.data(), a.size());
    expect_near(a, c, 1e-5F);
    kernels_->spread(b.data(), b.size());
    EXPECT_NEAR(std::inner_product(a.begin(), a.end(), b.begin(), 0.0F), before, 1e-4F * static_cast<float>(n));
  }
  std::vector<float> single(64);
  single[5] = 8;
  kernels_->spread(single.data(), single.size());
  for (const float value : single) EXPECT_FLOAT_EQ(std::fabs(value), 1);
}

TEST_P(ElementwiseOf, FindsTheLargestOfEverySixteen) {
  std::mt19937 stream(5);
  for (int n : {1, 15, 16, 17, 64, 1001}) {
    std::vector<float> x = random_numbers(stream, n, 40.0F);
    x[0] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> expected((x.size() + 15) / 16), found(expected.size());
    definition().maxima(x.data(), x.size(), expected.data());
    kernels_->maxima(x.data(), x.size(), found.data());
    EXPECT_EQ(found, expected) << n;
    if (n > 1) {
      EXPECT_EQ(expected[0], *std::max_element(x.begin() + 1, x.begin() + std::min(n, 16)));
    }
  }
}

TEST(Rope, TurnsNeighboursAndHalvesByTheSameAngle) {
  float quarter_cosine = 0, quarter_sine = 1;
  std::vector<float> neighbours = {1, 2}, halves = {1, 2};
  definition().rope(neighbours.data(), &quarter_cosine, &quarter_sine, 1, RopePairing::kNeighbours);
  definition().rope(halves.data(), &quarter_cosine, &quarter_sine, 1, RopePairing::kHalves);
  EXPECT_EQ(neighbours, (std::vector<float>{-2, 1}));
  EXPECT_EQ(halves, neighbours);
}

}  // namespace
}  // namespace mnema
