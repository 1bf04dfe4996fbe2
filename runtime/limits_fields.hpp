// runtime/limits_fields.hpp
//
// The fields of Limits by name, for the configuration. A field that is missing here cannot be set: the test of the
// configuration counts them.
//
// Threads: pure.
#pragma once

#include <boost/describe/class.hpp>

#include "runtime/limits.hpp"

namespace mnema {

BOOST_DESCRIBE_STRUCT(Limits, (),
                      (http_body_bytes_max, http_header_bytes_max, http_connections_max, http_idle_timeout_ms,
                       http_stream_buffer_bytes_max, completion_choices_max, embedding_inputs_max, json_depth_max,
                       mailbox_rows_max, mailbox_rows_per_key_max, event_bytes_max, attempts_max, lease_ms,
                       dedupe_entries_max, mailbox_retry_after_ms, mailbox_fresh_bytes_max, mailbox_ageing_ms,
                       turn_threads, turns_running_max, turn_backoff_base_ms, turn_backoff_cap_ms, session_memos_max,
                       turn_steps_max, tool_rounds_max, identical_calls_max, journal_result_bytes_max,
                       journal_retention_hours, shutdown_grace_ms, outbox_attempts_max, outbox_in_flight_max,
                       outbox_backoff_base_ms, outbox_backoff_cap_ms, metric_label_sets_max, recall_candidates_max,
                       recall_embed_timeout_ms, document_bytes_max, chunk_tokens_max, block_characters_max,
                       exact_search_vectors_max, completion_tokens_default, stop_strings_max, grammar_rules_max,
                       grammar_states_max, prompt_bytes_max, generations_waiting_max, template_source_bytes_max,
                       template_output_bytes_max, template_steps_max, template_depth_max))

}  // namespace mnema
