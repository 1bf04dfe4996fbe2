// tests/memory/vector/vectors.hpp
//
// Vectors to search among, and the index of truth to compare with: everything, one by one, in float.
#pragma once

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <vector>

#include "memory/vector/codec.hpp"
#include "memory/vector/matches.hpp"
#include "runtime/base/random.hpp"

namespace mnema::testing {

inline std::vector<float> random_vector(Random& random, int dimensions) {
  std::vector<float> vector(static_cast<std::size_t>(dimensions));
  double squares = 0;
  for (float& component : vector) {
    component = static_cast<float>(random.unit() * 2 - 1);
    squares += static_cast<double>(component) * component;
  }
  for (float& component : vector) component /= static_cast<float>(std::sqrt(squares));
  return vector;
}

inline std::vector<std::byte> record_of(const VectorCodec& codec, std::span<const float> vector,
                                        VectorGroup group = 1) {
  std::vector<std::byte> record(codec.record_bytes());
  codec.encode(vector, group, record.data());
  return record;
}

/// The labels nearest to `query` among `vectors`, whose labels are their places.
inline std::set<VectorLabel> nearest(const std::vector<std::vector<float>>& vectors, std::span<const float> query,
                                     std::size_t count) {
  BestMatches best(count);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    float similarity = 0;
    for (std::size_t k = 0; k < query.size(); ++k) similarity += vectors[i][k] * query[k];
    best.offer({static_cast<VectorLabel>(i), similarity});
  }
  std::set<VectorLabel> labels;
  for (const VectorMatch& match : best.take()) labels.insert(match.label);
  return labels;
}

/// The share of `expected` that is among `found`.
inline double recall_of(const std::set<VectorLabel>& expected, const std::vector<VectorMatch>& found) {
  const auto hits = std::count_if(found.begin(), found.end(),
                                  [&](const VectorMatch& match) { return expected.contains(match.label); });
  return static_cast<double>(hits) / static_cast<double>(expected.size());
}

}  // namespace mnema::testing
