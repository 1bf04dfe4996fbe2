// inference/engine_stats.hpp
//
// What an engine has done and how it stands, for metrics and the console. Counters only rise; the rest is the state
// after the last step.
//
// Threads: a plain value; LocalEngine::stats() gives a copy to any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnema {

/// Pages of one model's KV memory. free + used + cached + in_flight == total.
struct PageCounts {
  int total = 0;
  int free = 0;
  int used = 0;       // held by sequences
  int cached = 0;     // held by the prefix tree alone; evictable
  int in_flight = 0;  // being written by the step under way

  bool operator==(const PageCounts&) const = default;
};

struct ModelStats {
  std::string model;
  std::string backend;
  std::uint64_t steps = 0;
  std::uint64_t prompt_tokens = 0;    // of admitted prompts, cached ones included
  std::uint64_t cached_tokens = 0;    // of those: taken from the prefix tree
  std::uint64_t computed_tokens = 0;  // rows of all steps
  std::uint64_t generated_tokens = 0;
  std::uint64_t draft_tokens = 0;     // speculation: tried
  std::uint64_t accepted_tokens = 0;  // speculation: right
  std::uint64_t preemptions = 0;
  std::uint64_t evictions = 0;  // pages
  std::uint64_t audits = 0;
  std::uint64_t audit_violations = 0;
  int waiting = 0;
  int running = 0;
  double prefill_tokens_per_s = 0;  // recent; 0 = not yet known
  double decode_step_ms = 0;        // recent; 0 = not yet known
  PageCounts pages;
};

struct EngineStats {
  std::uint64_t generations_started = 0;
  std::uint64_t generations_finished = 0;
  std::uint64_t generations_cancelled = 0;
  std::uint64_t generations_failed = 0;
  std::uint64_t texts_embedded = 0;
  std::uint64_t template_renders = 0;  // prompts that a chat template was applied to
  std::uint64_t tokenizer_bytes = 0;   // of prompts, that were tokenized and not known from before
  std::uint64_t models_loaded = 0;
  std::uint64_t models_unloaded = 0;
  int preparing = 0;               // being rendered and tokenized, or waiting for their model to load
  int embeddings_waiting = 0;      // texts that have no vector yet
  std::vector<ModelStats> models;  // loaded decoders
};

}  // namespace mnema
