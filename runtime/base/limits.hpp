// runtime/base/limits.hpp
//
// Every bound of the program, in one place, with its unit last. What happens at a bound is designed where it is used
// and named beside it here. Tests run with `Limits::tiny()`, where the bounds are near enough to reach.
//
// Threads: set once at start, then immutable.
#pragma once

#include <cstdint>

namespace mnema {

struct Limits {
  // HTTP
  std::int64_t http_body_bytes_max = 8 << 20;      // 413
  std::int64_t http_bodies_bytes_max = 128 << 20;  // of all requests being received, in sum; 503 with Retry-After
  int http_header_bytes_max = 32 << 10;            // 431; also of a chunk's line and of the trailers
  int http_connections_max = 4096;                 // accepted later
  int http_header_timeout_ms = 10'000;             // from the first byte of a request to the end of its header
  int http_body_timeout_ms = 60'000;               // from there to the end of its body; 408
  int http_write_timeout_ms = 30'000;              // one write without progress; the client is cut off
  int http_idle_timeout_ms = 120'000;
  std::int64_t http_stream_buffer_bytes_max = 4 << 20;  // unsent bytes of one answer; then the client is cut off
  int completion_choices_max = 8;                       // `n`; 400
  int embedding_inputs_max = 2'048;                     // texts in one request; 400
  std::int64_t json_depth_max = 64;                     // 400
  // mailbox
  std::int64_t mailbox_rows_max = 1'000'000;           // 429 with Retry-After
  std::int64_t mailbox_rows_per_tenant_max = 500'000;  // 429, so that no tenant fills the mailbox of another
  std::int64_t mailbox_rows_per_key_max = 10'000;      // 429
  std::int64_t event_bytes_max = 4 << 20;              // 413
  int attempts_max = 5;                                // then dead letters
  int crashes_max = 10;                                // of the process while it handled the event; likewise
  int event_tries_max = 2'000;  // counting those of which nothing left the process; about a week, then dead letters
  std::int64_t dead_letters_max = 200'000;             // 429 until some are redriven or dropped
  std::int64_t dead_letters_per_tenant_max = 100'000;  // likewise, for that tenant only
  int dead_letter_retention_hours = 30 * 24;           // then they are removed, with a line in the log
  int lease_ms = 60'000;
  std::int64_t dedupe_entries_max = 1 << 20;        // oldest forgotten first
  int mailbox_retry_after_ms = 1'000;               // what a refused source is told
  std::int64_t mailbox_fresh_bytes_max = 16 << 20;  // payloads kept in memory until taken; others are read again
  int accept_batch_events_max = 1'000;              // in one batch of a source; kInvalidArgument
  int source_pause_percent = 90;                    // of a bound of the mailbox in use: sources that pull are paused
  int source_resume_percent = 70;                   // and go on from here
  int mailbox_ageing_ms = 10'000;                   // waiting so much longer makes up for one step of priority
  int gather_rows_max = 1'000;               // events of a key that become one turn; the configuration is refused
  std::int64_t sample_keys_max = 1'000'000;  // keys whose events are sampled; the one known longest is forgotten
  int cron_late_ms = 60'000;                 // after its time a schedule's event is still in time; then it was missed
  int cron_missed_max = 1'000;               // missed times that make an event each; of more the last ones
  int event_feed_entries_max = 1'000;        // kept for those who watch events; the oldest go
  int admin_page_rows_max = 1'000;           // of one answer of an admin route; 400
  int statements_cached_max = 256;           // of one connection; the least recently used is finalized
  // turns
  int turn_threads = 4;
  int turns_running_max = 64;             // further events wait in the mailbox
  int turns_running_per_tenant_max = 48;  // further events of that tenant wait
  int prestage_waiting_max = 64;          // events whose warm-up waits; further ones are not warmed up
  int blocking_threads = 16;              // for calls that wait; twice what one connector may have in flight
  int turn_backoff_base_ms = 1'000;       // before a failed turn is tried again; doubled with each attempt
  int turn_backoff_cap_ms = 300'000;
  std::int64_t session_memo_bytes_max = 1 << 20;  // of one; a longer talk is laid out anew from what the client sends
  std::int64_t session_memos_max = 10'000;        // recognised chat histories; the least recently used is forgotten
  std::int64_t session_memos_per_tenant_max = 5'000;  // likewise
  int anonymous_state_retention_hours = 7 * 24;       // of chats without a session, after their last turn
  int turn_steps_max = 1'000;                         // the turn fails
  int tool_rounds_max = 16;
  int agent_hops_max = 32;                          // events that agents send one another, one because of the other
  int identical_calls_max = 3;                      // loop breaker on (tool, arguments)
  std::int64_t journal_result_bytes_max = 1 << 20;  // larger results go to the blob table
  int journal_retention_hours = 7 * 24;             // after the turn's end
  int journal_purge_interval_ms = 600'000;          // how often ended turns are looked for
  int journal_purge_turns_max = 20;                 // erased in one unit of work
  int shutdown_grace_ms = 10'000;                   // then turns are parked
  // outbox
  int outbox_attempts_max = 320;  // that left the process; about a day, then dead letters
  int outbox_tries_max = 2'000;   // counting those that never left (no connection, breaker open); about a week
  int outbox_in_flight_max = 64;
  int outbox_in_flight_per_tenant_max = 32;           // further messages of that tenant wait
  std::int64_t outbox_rows_max = 1'000'000;           // the turn waits until messages have left
  std::int64_t outbox_rows_per_tenant_max = 500'000;  // likewise, for that tenant only
  int outbox_backoff_base_ms = 500;                   // doubled with each attempt, full jitter
  int outbox_backoff_cap_ms = 600'000;
  int retry_after_max_ms = 3'600'000;  // a longer wish of another side (Retry-After) is cut to this
  // brokers
  std::int64_t broker_batch_bytes_max = 8 << 20;  // of records or messages, headers included; a larger one goes alone
  int message_headers_max = 256;                  // of one record or message; with more it is a dead letter
  int dead_letter_attribute_bytes_max = 1'024;    // of what is no event; a longer key or header is left out
  int kafka_answer_ms = 10'000;     // of a broker to a question that is waited for; then it is asked again
  int kafka_revocation_ms = 5'000;  // then a rebalance goes on without the batch that is on its way
  int kafka_leave_ms = 500;         // of all clients together, at the end; later the broker finds out by itself
  int kafka_transaction_records_max = 1'000;          // further ones are of the next transaction
  int rabbitmq_connect_ms = 10'000;                   // of a connection, and then of its login; then it is tried again
  int rabbitmq_answer_ms = 30'000;                    // of the broker to a question; then the connection is given up
  int rabbitmq_unconfirmed_max = 1'000;               // messages of one sink; further ones wait
  std::int64_t rabbitmq_unsent_bytes_max = 16 << 20;  // likewise
  int schemas_max = 1'000;                            // of one registry; the least recently used is fetched again
  int schema_references_max = 100;                    // of one schema, theirs included; its records are dead letters
  int schema_topics_max = 10'000;                     // of one source; the shapes of further ones are not watched
  // watching
  int metric_label_sets_max = 200;  // of one metric; further ones are counted as "other"
  // memory
  int recall_candidates_max = 200;
  int recall_embed_timeout_ms = 5'000;     // then recall goes on by words and time
  int embedding_attempts_max = 5;          // of one text that the embedder refuses; then it stays without a vector
  int vector_changes_trimmed_max = 1'000;  // rows behind the oldest valid snapshot, in one unit of work
  std::int64_t document_bytes_max = 16 << 20;
  int chunk_tokens_max = 128;
  std::int64_t exact_search_vectors_max = 20'000;  // above it HNSW
  int procedure_successes_min = 3;                 // of a kind of task, before how it was done is shown to the model
  int procedure_failures_max = 2;      // of turns that were shown it, a success taking half of one back: it is demoted
  int procedure_tokens_max = 300;      // of one; a longer one is not shown
  int procedure_steps_max = 12;        // of one; from a turn with more calls nothing is learned
  int procedures_per_agent_max = 200;  // those learned from longest ago go; demoted and corrected ones stay
  std::int64_t task_runs_per_agent_max = 2'000;  // beside those that procedures rest on; the oldest go
  int block_bytes_max = 1'000;                   // of one block; a longer text is refused
  int blocks_max = 4;                            // of one agent, user or key; a further one is refused
  int block_versions_max = 50;                   // kept to go back to; the oldest go
  int block_tokens_max = 800;  // of all blocks in one prompt, and a quarter of the model's context; others are left out
  // inference
  int completion_tokens_default = 1'024;
  int stop_strings_max = 16;
  int repeated_tokens_max = 96;      // of one cycle of tokens that an answer goes on repeating; it ends as `length`
  int grammar_rules_max = 10'000;    // 400
  int grammar_states_max = 400'000;  // 400: repetitions are unrolled
  int prompt_bytes_max = 4 << 20;
  std::int64_t template_source_bytes_max = 1 << 20;   // of a model's chat template; it is refused at load
  std::int64_t template_output_bytes_max = 16 << 20;  // of any text that it makes; the rendering fails
  long template_steps_max = 2'000'000;                // a step reads or makes up to 256 bytes; likewise
  int template_depth_max = 200;                       // blocks inside blocks; a macro call counts as eight; likewise
  int generations_waiting_max = 1'024;                // 429
  int embeddings_waiting_max = 16'384;                // texts of the same or a better priority; 429
  std::int64_t prepared_prompt_memo_bytes_max = 64 << 20;  // of all tenants; one may hold half; the oldest go

  [[nodiscard]] static Limits tiny();
};

static_assert(Limits{}.event_bytes_max <= Limits{}.http_body_bytes_max, "an event fits into a request");
static_assert(Limits{}.mailbox_rows_per_key_max <= Limits{}.mailbox_rows_max, "one key cannot exceed the whole");
static_assert(Limits{}.mailbox_rows_per_tenant_max <= Limits{}.mailbox_rows_max / 2,
              "two tenants fit beside each other");
static_assert(Limits{}.dead_letters_per_tenant_max <= Limits{}.dead_letters_max / 2);

}  // namespace mnema
