// cli/models/quantize.hpp
//
// Makes a smaller model file of one with float (or Q8_0) weights. Matrices become the wanted type, except the output
// matrix (the token table where the two are one), which is Q8_0 at the least: every token depends on it directly
// (measured: docs/ENGINE.md). Norms, biases and all else of one dimension, and matrices whose rows are no whole blocks,
// stay as they are. The metadata is copied. The new file appears under its name only when it is whole, on disk, and has
// computed a token.
//
// Threads: blocks the caller; one worker a core.
#pragma once

#include <cstdint>
#include <string>

#include "inference/kernels/quant_type.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct QuantizeOptions {
  QuantType type = QuantType::kQ8_0;  // can_quantize_to(type)
  bool force = false;                 // replace `target`; take a source whose matrices are below Q8_0 already
  bool quiet = false;                 // no progress bar
};

struct QuantizeReport {
  std::uint64_t source_bytes = 0;
  std::uint64_t target_bytes = 0;
  int tensors_quantized = 0;
  int tensors_kept = 0;
  double seconds = 0;
};

/// Errors: `kAlreadyExists` target; `kFailedPrecondition` (source quantised already, nothing to do, or source and
/// target are one file); `kUnsupported` (architecture; a value that half floats cannot hold, naming the tensor);
/// `kNotFound`, `kCorrupt` source; `kStorage`.
[[nodiscard]] Result<QuantizeReport> quantize_model(const std::string& source, const std::string& target,
                                                    const QuantizeOptions& options, const Clock& clock);

}  // namespace mnema
