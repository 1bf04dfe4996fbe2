#include "cli/bench/vectors_data.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "memory/vector/distance.hpp"
#include "runtime/base/random.hpp"

namespace mnema {
namespace {

constexpr std::size_t kVectorsMin = 1'000;
constexpr std::size_t kVectorsPerCluster = 12;

/// Approximately normal: the sum of twelve uniform numbers.
float normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.unit();
  return static_cast<float>(sum);
}

void to_length_one(std::span<float> vector) {
  double squares = 0;
  for (const float component : vector) squares += static_cast<double>(component) * component;
  const auto length = static_cast<float>(std::sqrt(squares));
  if (length <= 0) return;
  for (float& component : vector) component /= length;
}

std::size_t nearest_to(std::span<const float> vector, const BenchVectors& centres) {
  std::size_t best = 0;
  float most = -2;
  for (std::size_t i = 0; i < centres.count(); ++i) {
    const float similarity = distance_kernels().dot_f32(vector.data(), centres.at(i).data(), vector.size());
    if (similarity > most) {
      most = similarity;
      best = i;
    }
  }
  return best;
}

/// Centres by a few rounds of k-means, and what each vector is away from its own.
class Mixture {
 public:
  explicit Mixture(const BenchVectors& real) : centres_{real.dimensions, {}}, residuals_{real.dimensions, {}} {
    const std::size_t clusters = std::max<std::size_t>(1, real.count() / kVectorsPerCluster);
    centres_.values.assign(real.values.begin(),
                           real.values.begin() + static_cast<std::ptrdiff_t>(clusters * real.dimensions));
    for (int round = 0; round < 4; ++round) assign(real);
    residuals_.values = real.values;
    for (std::size_t i = 0; i < real.count(); ++i) {
      for (std::size_t k = 0; k < real.dimensions; ++k) {
        residuals_.values[i * real.dimensions + k] -= centres_.at(own_[i])[k];
      }
    }
  }

  /// A centre is as likely as its cluster is large.
  void append(Random& random, BenchVectors& to) const {
    const std::span<const float> centre = centres_.at(own_[random.below(own_.size())]);
    const std::span<const float> one = residuals_.at(random.below(own_.size()));
    const std::span<const float> other = residuals_.at(random.below(own_.size()));
    const std::size_t begin = to.values.size();
    for (std::size_t k = 0; k < centre.size(); ++k) {
      to.values.push_back(centre[k] + (one[k] + other[k]) * std::sqrt(0.5F));
    }
    to_length_one(std::span(to.values).subspan(begin));
  }

 private:
  void assign(const BenchVectors& real) {
    own_.resize(real.count());
    std::vector<float> sums(centres_.values.size(), 0.0F);
    for (std::size_t i = 0; i < real.count(); ++i) {
      own_[i] = nearest_to(real.at(i), centres_);
      for (std::size_t k = 0; k < real.dimensions; ++k) sums[own_[i] * real.dimensions + k] += real.at(i)[k];
    }
    for (std::size_t c = 0; c < centres_.count(); ++c) {
      const std::span<float> sum = std::span(sums).subspan(c * real.dimensions, real.dimensions);
      if (std::all_of(sum.begin(), sum.end(), [](float component) { return component == 0; })) continue;
      to_length_one(sum);
      std::copy(sum.begin(), sum.end(), centres_.values.begin() + static_cast<std::ptrdiff_t>(c * real.dimensions));
    }
  }

  BenchVectors centres_;
  BenchVectors residuals_;
  std::vector<std::size_t> own_;  // the centre of each residual's vector
};

}  // namespace

BenchVectorSets synthetic_vectors(std::size_t count, std::size_t queries, std::size_t dimensions, std::uint64_t seed) {
  SeededRandom random(seed);
  const std::size_t clusters = std::max<std::size_t>(1, std::min<std::size_t>(2'000, count / 20));
  std::vector<float> spread(dimensions);
  for (std::size_t k = 0; k < dimensions; ++k) spread[k] = 1.0F / std::sqrt(1.0F + static_cast<float>(k) / 8.0F);
  const auto draw = [&](float scale, std::span<const float> centre, BenchVectors& to) {
    const std::size_t begin = to.values.size();
    for (std::size_t k = 0; k < dimensions; ++k) {
      to.values.push_back((centre.empty() ? 0.0F : centre[k]) + scale * spread[k] * normal(random));
    }
    return std::span(to.values).subspan(begin);
  };
  BenchVectors centres{dimensions, {}};
  for (std::size_t i = 0; i < clusters; ++i) draw(1, {}, centres);
  const auto fill = [&](std::size_t wanted, BenchVectors& to) {
    to.values.reserve(wanted * dimensions);
    for (std::size_t i = 0; i < wanted; ++i) {
      // Of two, the one of lower number: some clusters are much larger than others.
      const std::size_t cluster = std::min(random.below(clusters), random.below(clusters));
      to_length_one(draw(0.8F, centres.at(cluster), to));
    }
  };
  BenchVectorSets sets{{dimensions, {}}, {dimensions, {}}};
  fill(count, sets.stored);
  fill(queries, sets.queries);
  return sets;
}

Result<BenchVectorSets> vectors_of_file(const std::string& path, std::size_t count, std::size_t queries,
                                        std::size_t dimensions, std::uint64_t seed) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return fail(ErrorCode::kStorage, "cannot read " + path, "give a file of float32 vectors");
  const auto bytes = static_cast<std::size_t>(file.tellg());
  if (bytes % (dimensions * sizeof(float)) != 0 || bytes < kVectorsMin * dimensions * sizeof(float)) {
    return fail(ErrorCode::kInvalidArgument,
                path + " does not hold 1,000 or more vectors of " + std::to_string(dimensions) + " float32",
                "give the right --dimensions");
  }
  BenchVectors real{dimensions, std::vector<float>(bytes / sizeof(float))};
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(real.values.data()), static_cast<std::streamsize>(bytes))) {
    return fail(ErrorCode::kStorage, "cannot read " + path);
  }
  for (std::size_t i = 0; i < real.count(); ++i)
    to_length_one(std::span(real.values).subspan(i * dimensions, dimensions));

  SeededRandom random(seed);
  BenchVectorSets sets{{dimensions, {}}, {dimensions, {}}};
  const std::size_t held_out = std::min(queries, real.count() / 10);
  const auto kept = static_cast<std::ptrdiff_t>((real.count() - held_out) * dimensions);
  sets.queries.values.assign(real.values.begin() + kept, real.values.end());
  real.values.resize(static_cast<std::size_t>(kept));
  if (real.count() > count) real.values.resize(count * dimensions);
  sets.stored.values.reserve(count * dimensions);
  sets.stored.values = real.values;
  if (real.count() < count) {
    const Mixture mixture(real);
    while (sets.stored.count() < count) mixture.append(random, sets.stored);
  }
  // In the order in which they come, those of the file would be the first in every graph.
  for (std::size_t i = sets.stored.count(); i > 1; --i) {
    const auto one = sets.stored.values.begin() + static_cast<std::ptrdiff_t>((i - 1) * dimensions);
    const auto other = sets.stored.values.begin() + static_cast<std::ptrdiff_t>(random.below(i) * dimensions);
    if (one != other) std::swap_ranges(one, one + static_cast<std::ptrdiff_t>(dimensions), other);
  }
  return sets;
}

}  // namespace mnema
