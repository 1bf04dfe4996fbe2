// inference/engine_bench.hpp
//
// How fast a model runs here, and how far that is from what the machine could do. `mnema bench engine` prints it.
//
//   prefill   `prompt_tokens` tokens at once, nothing cached
//   decode    `gen_tokens` steps of `streams` sequences side by side, each at `depth` positions of context
//
// Threads: blocks the caller, who is also worker 0 of the pool it makes.
#pragma once

#include <string>

#include "inference/kv/page_store.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct EngineBenchOptions {
  std::string model;  // path of a GGUF file
  int prompt_tokens = 512;
  int gen_tokens = 128;
  int threads = 0;  // 0 = one per core
  int depth = 0;    // positions already in the KV before decode begins; 0 = decode from an empty context
  int streams = 1;
  std::string backend = "auto";
  KvType kv_type = KvType::kF16;
};

struct EngineBenchResult {
  std::string model;
  std::string backend;
  int threads = 0;
  double load_s = 0;
  double prefill_tokens_per_s = 0;
  double decode_tokens_per_s = 0;    // all streams together
  double integer_peak_fraction = 0;  // 2 · weights · prefill rate ÷ measured int8 operations per second
  double bandwidth_fraction = 0;     // (file bytes of a step + KV bytes of all streams) · steps/s ÷ measured read rate
  double integer_peak_gops = 0;      // measured, of these threads
  double memory_bandwidth_gb_per_s = 0;  // measured, of these threads
  long long weight_bytes_resident = 0;
  long long weight_bytes_mapped = 0;
  long long file_bytes = 0;
};

/// Errors: those of loading the model; `kInvalidArgument` for counts that the context or the machine cannot hold.
[[nodiscard]] Result<EngineBenchResult> run_engine_bench(const EngineBenchOptions& options, const Clock& clock);

}  // namespace mnema
