// inference/engine_options.hpp
//
// What a built-in engine is told at start.
//
// Threads: set once, then immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/kv/page_store.hpp"

namespace mnema {

struct EngineOptions {
  std::string models_folder;                         // "" = default_models_folder() (catalogue.hpp)
  std::string model = "smollm2-135m";                // what "default" stands for: catalogue name or file
  std::string embedding_model = "all-minilm-l6-v2";  // what "default" stands for in `embed`
  std::vector<std::string> pinned;                   // models that are never unloaded, by name
  int threads = 0;                                   // compute threads; 0 = one per core
  std::string backend = "auto";                      // auto | scalar | avx2 | avx512

  KvType kv_type = KvType::kF16;
  std::int64_t kv_memory_bytes = std::int64_t{1} << 30;  // of each loaded decoder
  int context_length = 0;                                // 0 = the model's; never more than the model's
  int max_sequences = 16;                                // computed side by side
  int max_batched_tokens = 512;                          // in one step, prefill and decode together
  int prefill_step_ms = 100;                             // how long a step with prefill may keep decoding turns waiting
  int decode_room_tokens = 128;                          // room for an answer that admission sets aside
  int ageing_ms = 10'000;                                // waiting so much longer makes up for one step of priority
  std::int64_t token_memory_tokens = 1 << 22;            // ids remembered of past turns (16 MiB)

  int keep_alive_ms = 300'000;        // an unused model is unloaded after this; 0 = never
  std::int64_t memory_bytes_max = 0;  // weights and KV of all loaded models together; 0 = no bound

  bool speculation = false;        // guess by prompt look-up; same tokens, sometimes sooner
  int speculation_tokens_max = 8;  // guessed ahead in one step
};

}  // namespace mnema
