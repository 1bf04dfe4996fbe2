#include "agents/engine_metrics.hpp"

namespace mnema {

void publish(Metrics& metrics, const EngineStats& stats) {
  metrics.gauge("mnema_generations_finished", "Generations that ended by themselves")
      .set(static_cast<double>(stats.generations_finished));
  metrics.gauge("mnema_generations_cancelled", "Generations that were stopped")
      .set(static_cast<double>(stats.generations_cancelled));
  metrics.gauge("mnema_template_renders", "Prompts that a chat template was applied to")
      .set(static_cast<double>(stats.template_renders));
  metrics.gauge("mnema_tokenizer_bytes", "Bytes of prompts that were tokenized and not known from before")
      .set(static_cast<double>(stats.tokenizer_bytes));
  metrics.gauge("mnema_embeddings_waiting", "Texts that have no vector yet").set(stats.embeddings_waiting);
  for (const ModelStats& model : stats.models) {
    const MetricLabels labels{{"model", model.model}};
    const auto set = [&](const char* name, const char* help, double value) {
      metrics.gauge(name, help, labels).set(value);
    };
    set("mnema_prompt_tokens", "Tokens of admitted prompts", static_cast<double>(model.prompt_tokens));
    set("mnema_cached_tokens", "Of those, taken from the prefix cache", static_cast<double>(model.cached_tokens));
    set("mnema_generated_tokens", "Tokens that were chosen", static_cast<double>(model.generated_tokens));
    set("mnema_guessed_tokens", "Tokens tried by speculation", static_cast<double>(model.guessed_tokens));
    set("mnema_accepted_tokens", "Of those, right", static_cast<double>(model.accepted_tokens));
    set("mnema_preemptions", "Sequences that gave way to more urgent ones", static_cast<double>(model.preemptions));
    set("mnema_sequences_running", "Sequences being computed", model.running);
    set("mnema_sequences_waiting", "Sequences waiting for room", model.waiting);
    set("mnema_kv_pages_free", "KV pages that hold nothing", model.pages.free);
    set("mnema_kv_pages_used", "KV pages that sequences hold", model.pages.used);
    set("mnema_kv_pages_cached", "KV pages that the prefix tree alone holds", model.pages.cached);
    set("mnema_kv_audit_violations", "Audits that found a wrong count", static_cast<double>(model.audit_violations));
  }
}

}  // namespace mnema
