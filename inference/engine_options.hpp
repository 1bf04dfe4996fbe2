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
  int background_step_ms = 20;                           // the same, for prefill less urgent than those turns
  int decode_reserved_tokens = 128;                      // for the answer, reserved at admission
  int ageing_ms = 10'000;                                // waiting so much longer makes up for one step of priority

  int keep_alive_ms = 300'000;        // an unused model is unloaded after this; 0 = never
  std::int64_t memory_bytes_max = 0;  // weights and KV of all loaded models together; 0 = no bound

  int speculation_tokens_max =
      0;  // draft tokens of one step, by prompt look-up: same tokens, sometimes sooner; 0 = off
  int speculation_sequences_max = 2;  // beside more decoding turns a draft costs them more than it gives
};

}  // namespace mnema
