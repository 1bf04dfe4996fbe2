#include "agents/host/configured_engine.hpp"

namespace mnema {

EngineOptions engine_options_of(const InferenceConfig& config, const ModelNeeds& needs) {
  EngineOptions options;
  options.models_folder = config.models_directory;
  options.model = needs.model;
  options.embedding_model = needs.embedding_model;
  for (const std::string& name : {needs.model, needs.embedding_model}) {
    if (!name.empty()) options.pinned.push_back(name);
  }
  options.threads = config.threads;
  options.backend = config.backend;
  options.kv_type = config.kv_type == "int8" ? KvType::kInt8 : KvType::kF16;
  options.kv_memory_bytes = config.kv_memory_bytes;
  options.context_length = config.context_length;
  options.max_sequences = config.max_sequences;
  options.max_batched_tokens = config.max_batched_tokens;
  options.speculation_tokens_max = config.speculation_tokens_max;
  options.keep_alive_ms = config.keep_alive_ms;
  options.memory_bytes_max = config.memory_bytes_max;
  return options;
}

}  // namespace mnema
