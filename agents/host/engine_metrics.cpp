#include "agents/host/engine_metrics.hpp"

namespace mnema {

void report(MetricsReport& metrics, const EngineStats& stats) {
  const auto ended = [&metrics](const char* end, std::uint64_t count) {
    metrics.counter("mnema_generations_total", "Generations by their end", static_cast<double>(count), {{"end", end}});
  };
  ended("finished", stats.generations_finished);
  ended("cancelled", stats.generations_cancelled);
  ended("failed", stats.generations_failed);
  metrics.gauge("mnema_generations_preparing", "Generations being tokenized or waiting for their model",
                stats.preparing);
  metrics.counter("mnema_texts_embedded_total", "Texts turned into vectors", static_cast<double>(stats.texts_embedded));
  metrics.gauge("mnema_embeddings_waiting", "Texts that wait for their vector", stats.embeddings_waiting);
  metrics.counter("mnema_template_renders_total", "Prompts that a chat template was applied to",
                  static_cast<double>(stats.template_renders));
  metrics.counter("mnema_tokenizer_bytes_total", "Bytes of prompts that were tokenized and not known from before",
                  static_cast<double>(stats.tokenizer_bytes));
  metrics.counter("mnema_models_loaded_total", "Loads of models", static_cast<double>(stats.models_loaded));
  for (const ModelStats& model : stats.models) {
    const MetricLabels labels{{"model", model.model}};
    const auto total = [&](const char* name, const char* help, std::uint64_t value) {
      metrics.counter(name, help, static_cast<double>(value), labels);
    };
    const auto gauge = [&](const char* name, const char* help, double value) {
      metrics.gauge(name, help, value, labels);
    };
    total("mnema_prompt_tokens_total", "Tokens of admitted prompts", model.prompt_tokens);
    total("mnema_cached_tokens_total", "Of those, taken from the prefix cache", model.cached_tokens);
    total("mnema_generated_tokens_total", "Tokens that were chosen", model.generated_tokens);
    total("mnema_draft_tokens_total", "Tokens tried by speculation", model.draft_tokens);
    total("mnema_accepted_draft_tokens_total", "Of those, right", model.accepted_tokens);
    total("mnema_preemptions_total", "Sequences that gave way to more urgent ones", model.preemptions);
    total("mnema_kv_evictions_total", "KV pages taken from the prefix cache", model.evictions);
    total("mnema_kv_audit_violations_total", "Audits that found a wrong count", model.audit_violations);
    gauge("mnema_sequences_running", "Sequences being computed", model.running);
    gauge("mnema_sequences_waiting", "Sequences waiting for KV memory", model.waiting);
    gauge("mnema_kv_pages_free", "KV pages that hold nothing", model.pages.free);
    gauge("mnema_kv_pages_used", "KV pages that sequences hold", model.pages.used);
    gauge("mnema_kv_pages_cached", "KV pages that the prefix tree alone holds", model.pages.cached);
  }
}

}  // namespace mnema
