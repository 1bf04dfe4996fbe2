// inference/model/backend_cpu.hpp
//
// The backend that always works: one model on this machine's cores, weights repacked at load for the widest
// instruction set the CPU has, KV pages in one lazily touched arena.
//
// Threads:   `load_cpu_backend` and `step` use the pool and therefore come from one thread at a time per pool;
//            `on_done` is called on the calling thread before `step` returns (asynchronous steps are for GPUs).
// Ownership: the backend keeps the model file mapped; the pool outlives the backend.
// Contract:  inference/backend.hpp's, per instruction set and KV type.
#pragma once

#include <cstddef>
#include <memory>

#include "inference/backend.hpp"
#include "inference/formats/gguf.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct CpuBackendOptions {
  InstructionSet isa = best_instruction_set();
  KvType kv_type = KvType::kF16;
  std::size_t kv_memory_bytes = std::size_t{1} << 30;  // rounded down to whole pages, at least one
  int tokens_per_step_max = 512;
};

/// Reads hyper-parameters, checks and repacks every tensor, hashes the weights and maps the KV arena.
/// Errors: `kUnsupported` architecture, tensor type or feature (named); `kCorrupt` missing or mis-shaped tensor or key
/// (named); `kResourceExhausted` when the KV arena cannot be mapped; `kInvalidArgument` bad options.
[[nodiscard]] Result<std::unique_ptr<Backend>> load_cpu_backend(std::shared_ptr<GgufFile> file,
                                                                const CpuBackendOptions& options, ThreadPool& pool);

}  // namespace mnema
