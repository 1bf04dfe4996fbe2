// cli/bench/vectors_data.hpp
//
// Vectors to measure a search with. Embeddings of texts lie in clusters of unequal size and spread, with most of their
// variance in a few directions; uniform ones are easier and say little. What is missing to the asked number is
// made from what is there: the centre of one cluster plus two residuals of others, so that centres and noise are those
// measured.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

/// Vectors of length 1, one after the other.
struct BenchVectors {
  std::size_t dimensions = 0;
  std::vector<float> values;  // [count, dimensions]

  [[nodiscard]] std::size_t count() const { return dimensions == 0 ? 0 : values.size() / dimensions; }
  [[nodiscard]] std::span<const float> at(std::size_t i) const { return {values.data() + i * dimensions, dimensions}; }
};

struct BenchVectorSets {
  BenchVectors stored;
  BenchVectors queries;  // none of them is stored
};

/// Mixture of a few thousand clusters whose variance falls with the direction, as that of embeddings does.
[[nodiscard]] BenchVectorSets synthetic_vectors(std::size_t count, std::size_t queries, std::size_t dimensions,
                                                std::uint64_t seed);

/// `path`: float32 [any, dimensions], little-endian. Its last tenth (at most `queries`) are the queries. Errors:
/// `kStorage`, `kInvalidArgument` (fewer than 1,000 vectors, or not whole ones).
[[nodiscard]] Result<BenchVectorSets> vectors_of_file(const std::string& path, std::size_t count, std::size_t queries,
                                                      std::size_t dimensions, std::uint64_t seed);

}  // namespace mnema
