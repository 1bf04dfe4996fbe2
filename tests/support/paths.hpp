// tests/support/paths.hpp
//
// Where tests find what they read: golden data in the tree, models in the cache that `./dev` fills.
#pragma once

#include <cstdlib>
#include <string>

namespace mnema::testing {

inline std::string golden(const std::string& name) {
  return std::string(MNEMA_SOURCE_DIR) + "/tests/data/golden/" + name;
}

/// Folder of the model cache: $MNEMA_MODELS, else $XDG_CACHE_HOME/mnema/models, else ~/.cache/mnema/models.
inline std::string models_folder() {
  if (const char* folder = std::getenv("MNEMA_MODELS")) return folder;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return std::string(cache) + "/mnema/models";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : "/root") + "/.cache/mnema/models";
}

inline std::string smollm2() { return models_folder() + "/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf"; }
inline std::string qwen_coder() {
  return models_folder() + "/qwen2.5-coder-0.5b/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
}
inline std::string gemma3() { return models_folder() + "/gemma3-270m/gemma-3-270m-q4_k_m.gguf"; }
inline std::string minilm_folder() { return models_folder() + "/all-minilm-l6-v2"; }

}  // namespace mnema::testing
