// cli/bench/embeddings_bench.hpp
//
// How fast texts become vectors here, through the engine as a server has it: many texts at once as memory's queue sends
// them, and single questions of somebody who waits. `mnema bench embeddings` prints it.
//
// Threads: blocks the caller; the engine's threads are its own.
#pragma once

#include <string>

#include "cli/bench/latency.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct EmbeddingsBenchOptions {
  std::string model = "all-minilm-l6-v2";  // catalogue name or an encoder's folder
  int texts = 1000;
  int words = 15;       // of each text; a question has as many
  int questions = 200;  // one after the other
  int threads = 0;      // 0 = one per core
  std::string backend = "auto";
};

struct EmbeddingsBenchResult {
  int dimensions = 0;
  double load_s = 0;  // until the first vector
  double texts_per_s = 0;
  double tokens_per_text = 0;  // marks included
  double cpu_s_per_1000_texts = 0;
  Latency question;
};

/// Errors: those of the engine; `kInvalidArgument` for counts below 1.
[[nodiscard]] Result<EmbeddingsBenchResult> run_embeddings_bench(const EmbeddingsBenchOptions& options,
                                                                 const Clock& clock);

}  // namespace mnema
