// runtime/config/limits_fields.hpp
//
// The fields of Limits by name, for the configuration. A field that is missing here cannot be set: the test of the
// configuration counts them.
//
// Threads: pure.
#pragma once

#include <string_view>

#include "runtime/base/limits.hpp"

namespace mnema {

template <class T>
struct LimitField {
  std::string_view name;
  T Limits::* pointer;
};

/// Calls `each` with the LimitField of every field, in the order of the struct.
template <class Each>
void for_each_limit(const Each& each) {
#define MNEMA_LIMIT(field) each(LimitField<decltype(Limits::field)>{#field, &Limits::field})
  MNEMA_LIMIT(http_body_bytes_max);
  MNEMA_LIMIT(http_bodies_bytes_max);
  MNEMA_LIMIT(http_header_bytes_max);
  MNEMA_LIMIT(http_connections_max);
  MNEMA_LIMIT(http_header_timeout_ms);
  MNEMA_LIMIT(http_body_timeout_ms);
  MNEMA_LIMIT(http_write_timeout_ms);
  MNEMA_LIMIT(http_idle_timeout_ms);
  MNEMA_LIMIT(http_stream_buffer_bytes_max);
  MNEMA_LIMIT(completion_choices_max);
  MNEMA_LIMIT(embedding_inputs_max);
  MNEMA_LIMIT(json_depth_max);
  MNEMA_LIMIT(mailbox_rows_max);
  MNEMA_LIMIT(mailbox_rows_per_tenant_max);
  MNEMA_LIMIT(mailbox_rows_per_key_max);
  MNEMA_LIMIT(event_bytes_max);
  MNEMA_LIMIT(attempts_max);
  MNEMA_LIMIT(crashes_max);
  MNEMA_LIMIT(event_tries_max);
  MNEMA_LIMIT(dead_letters_max);
  MNEMA_LIMIT(dead_letters_per_tenant_max);
  MNEMA_LIMIT(dead_letter_retention_hours);
  MNEMA_LIMIT(lease_ms);
  MNEMA_LIMIT(dedupe_entries_max);
  MNEMA_LIMIT(mailbox_retry_after_ms);
  MNEMA_LIMIT(mailbox_fresh_bytes_max);
  MNEMA_LIMIT(accept_batch_events_max);
  MNEMA_LIMIT(source_pause_percent);
  MNEMA_LIMIT(source_resume_percent);
  MNEMA_LIMIT(mailbox_ageing_ms);
  MNEMA_LIMIT(gather_rows_max);
  MNEMA_LIMIT(sample_keys_max);
  MNEMA_LIMIT(cron_late_ms);
  MNEMA_LIMIT(cron_missed_max);
  MNEMA_LIMIT(event_feed_entries_max);
  MNEMA_LIMIT(admin_page_rows_max);
  MNEMA_LIMIT(statements_cached_max);
  MNEMA_LIMIT(turn_threads);
  MNEMA_LIMIT(turns_running_max);
  MNEMA_LIMIT(turns_running_per_tenant_max);
  MNEMA_LIMIT(prestage_waiting_max);
  MNEMA_LIMIT(blocking_threads);
  MNEMA_LIMIT(turn_backoff_base_ms);
  MNEMA_LIMIT(turn_backoff_cap_ms);
  MNEMA_LIMIT(session_memo_bytes_max);
  MNEMA_LIMIT(session_memos_max);
  MNEMA_LIMIT(session_memos_per_tenant_max);
  MNEMA_LIMIT(anonymous_state_retention_hours);
  MNEMA_LIMIT(turn_steps_max);
  MNEMA_LIMIT(tool_rounds_max);
  MNEMA_LIMIT(agent_hops_max);
  MNEMA_LIMIT(identical_calls_max);
  MNEMA_LIMIT(journal_result_bytes_max);
  MNEMA_LIMIT(journal_retention_hours);
  MNEMA_LIMIT(journal_purge_interval_ms);
  MNEMA_LIMIT(journal_purge_turns_max);
  MNEMA_LIMIT(shutdown_grace_ms);
  MNEMA_LIMIT(outbox_attempts_max);
  MNEMA_LIMIT(outbox_tries_max);
  MNEMA_LIMIT(outbox_in_flight_max);
  MNEMA_LIMIT(outbox_in_flight_per_tenant_max);
  MNEMA_LIMIT(outbox_rows_max);
  MNEMA_LIMIT(outbox_rows_per_tenant_max);
  MNEMA_LIMIT(outbox_backoff_base_ms);
  MNEMA_LIMIT(outbox_backoff_cap_ms);
  MNEMA_LIMIT(retry_after_max_ms);
  MNEMA_LIMIT(broker_batch_bytes_max);
  MNEMA_LIMIT(message_headers_max);
  MNEMA_LIMIT(dead_letter_attribute_bytes_max);
  MNEMA_LIMIT(kafka_answer_ms);
  MNEMA_LIMIT(kafka_revocation_ms);
  MNEMA_LIMIT(kafka_leave_ms);
  MNEMA_LIMIT(kafka_transaction_records_max);
  MNEMA_LIMIT(rabbitmq_connect_ms);
  MNEMA_LIMIT(rabbitmq_answer_ms);
  MNEMA_LIMIT(rabbitmq_unconfirmed_max);
  MNEMA_LIMIT(rabbitmq_unsent_bytes_max);
  MNEMA_LIMIT(schemas_max);
  MNEMA_LIMIT(schema_references_max);
  MNEMA_LIMIT(schema_topics_max);
  MNEMA_LIMIT(metric_label_sets_max);
  MNEMA_LIMIT(recall_candidates_max);
  MNEMA_LIMIT(recall_embed_timeout_ms);
  MNEMA_LIMIT(embedding_attempts_max);
  MNEMA_LIMIT(vector_changes_trimmed_max);
  MNEMA_LIMIT(document_bytes_max);
  MNEMA_LIMIT(chunk_tokens_max);
  MNEMA_LIMIT(exact_search_vectors_max);
  MNEMA_LIMIT(procedure_successes_min);
  MNEMA_LIMIT(procedure_failures_max);
  MNEMA_LIMIT(procedure_tokens_max);
  MNEMA_LIMIT(procedure_steps_max);
  MNEMA_LIMIT(procedures_per_agent_max);
  MNEMA_LIMIT(task_runs_per_agent_max);
  MNEMA_LIMIT(block_bytes_max);
  MNEMA_LIMIT(blocks_max);
  MNEMA_LIMIT(block_versions_max);
  MNEMA_LIMIT(block_tokens_max);
  MNEMA_LIMIT(completion_tokens_default);
  MNEMA_LIMIT(stop_strings_max);
  MNEMA_LIMIT(repeated_tokens_max);
  MNEMA_LIMIT(grammar_rules_max);
  MNEMA_LIMIT(grammar_states_max);
  MNEMA_LIMIT(prompt_bytes_max);
  MNEMA_LIMIT(template_source_bytes_max);
  MNEMA_LIMIT(template_output_bytes_max);
  MNEMA_LIMIT(template_steps_max);
  MNEMA_LIMIT(template_depth_max);
  MNEMA_LIMIT(generations_waiting_max);
  MNEMA_LIMIT(embeddings_waiting_max);
  MNEMA_LIMIT(prepared_prompt_memo_bytes_max);
#undef MNEMA_LIMIT
}

}  // namespace mnema
