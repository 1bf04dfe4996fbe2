#include "runtime/base/limits.hpp"

namespace mnema {

Limits Limits::tiny() {
  Limits limits;
  limits.http_body_bytes_max = 4096;
  limits.http_bodies_bytes_max = 16384;
  limits.http_header_bytes_max = 1024;
  limits.http_connections_max = 4;
  limits.http_stream_buffer_bytes_max = 16384;
  limits.completion_choices_max = 2;
  limits.embedding_inputs_max = 4;
  limits.mailbox_rows_max = 8;
  limits.mailbox_rows_per_tenant_max = 8;
  limits.mailbox_rows_per_key_max = 4;
  limits.event_bytes_max = 2048;
  limits.attempts_max = 2;
  limits.crashes_max = 2;
  limits.event_tries_max = 4;
  limits.dead_letters_max = 8;
  limits.dead_letters_per_tenant_max = 8;
  limits.dedupe_entries_max = 8;
  limits.mailbox_fresh_bytes_max = 512;
  limits.accept_batch_events_max = 4;
  limits.gather_rows_max = 4;
  limits.sample_keys_max = 4;
  limits.cron_missed_max = 4;
  limits.event_feed_entries_max = 4;
  limits.admin_page_rows_max = 4;
  limits.statements_cached_max = 4;
  limits.turn_threads = 1;
  limits.turns_running_max = 2;
  limits.turns_running_per_tenant_max = 2;
  limits.prestage_waiting_max = 4;
  limits.turn_backoff_base_ms = 10;
  limits.turn_backoff_cap_ms = 1'000;
  limits.session_memo_bytes_max = 4096;
  limits.session_memos_max = 4;
  limits.session_memos_per_tenant_max = 4;
  limits.turn_steps_max = 16;
  limits.journal_result_bytes_max = 64;
  limits.journal_purge_turns_max = 2;
  limits.outbox_attempts_max = 2;
  limits.outbox_tries_max = 4;
  limits.outbox_in_flight_max = 2;
  limits.outbox_in_flight_per_tenant_max = 2;
  limits.outbox_rows_max = 16;
  limits.outbox_rows_per_tenant_max = 16;
  limits.broker_batch_bytes_max = 4096;
  limits.message_headers_max = 8;
  limits.dead_letter_attribute_bytes_max = 64;
  limits.kafka_transaction_records_max = 4;
  limits.rabbitmq_unconfirmed_max = 4;
  limits.rabbitmq_unsent_bytes_max = 4096;
  limits.schemas_max = 2;
  limits.schema_references_max = 3;
  limits.schema_topics_max = 2;
  limits.metric_label_sets_max = 4;
  limits.recall_candidates_max = 8;
  limits.embedding_attempts_max = 2;
  limits.vector_changes_trimmed_max = 4;
  limits.document_bytes_max = 4096;
  limits.chunk_tokens_max = 32;
  limits.exact_search_vectors_max = 16;
  limits.procedures_per_agent_max = 4;
  limits.task_runs_per_agent_max = 16;
  limits.procedure_steps_max = 4;
  limits.block_bytes_max = 64;
  limits.blocks_max = 2;
  limits.block_versions_max = 4;
  limits.block_tokens_max = 32;
  limits.completion_tokens_default = 16;
  limits.generations_waiting_max = 4;
  limits.embeddings_waiting_max = 64;
  limits.prepared_prompt_memo_bytes_max = 16384;
  limits.repeated_tokens_max = 16;
  return limits;
}

}  // namespace mnema
