// cli/bench/vectors_bench.hpp
//
// Vector search beside hnswlib in one process: both hold the same vectors with the same links and construction width,
// are asked the same questions in turns, and what they find is compared with all of the exact float search.
//
// Threads: blocks the caller; starts its own for `threads` > 1.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/latency.hpp"
#include "cli/bench/vectors_data.hpp"
#include "memory/vector/hnsw.hpp"

namespace mnema {

struct VectorsBenchOptions {
  std::size_t dimensions = 384;
  int threads = 1;
  int rounds = 3;
  bool cpu_time = false;  // of the working thread on its core, instead of the clock's
  bool beside_hnswlib = true;
  std::function<void(const std::string& step)> on_step;  // what begins now; may be empty
  HnswParameters graph;
  std::vector<std::size_t> widths = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 768};
};

struct VectorsBenchPoint {
  std::size_t width = 0;
  double recall = 0;  // of the ten nearest
  Latency latency;    // medians over the rounds
};

struct VectorsBenchSide {
  double inserts_per_s = 0;
  double inserts_per_s_last = 0;  // of the last tenth
  double bytes_per_vector = 0;    // resident
  std::vector<VectorsBenchPoint> points;
};

struct VectorsBenchResult {
  std::size_t count = 0;
  std::size_t queries = 0;
  VectorsBenchSide ours;
  std::optional<VectorsBenchSide> hnswlib;
  VectorsBenchPoint exact;     // ours, one by one
  VectorsBenchPoint filtered;  // ours, at its own width, one group of ten admitted
  VectorsBenchPoint own;       // ours, at its own width
};

[[nodiscard]] VectorsBenchResult run_vectors_bench(const VectorsBenchOptions& options, const BenchVectorSets& sets);

/// The p50 at `recall`, between the two points around it; none: no point reaches it, or all do.
[[nodiscard]] std::optional<double> p50_ms_at(const VectorsBenchSide& side, double recall);

}  // namespace mnema
