#include "agents/host/host_metrics.hpp"

namespace mnema {
namespace {

double number(long long count) { return static_cast<double>(count); }

}  // namespace

void report(MetricsReport& metrics, const RuntimeCounts& counts) {
  const auto events = [&metrics](const char* state, std::int64_t count) {
    metrics.gauge("mnema_events", "Events in the mailbox by their state", number(count), {{"state", state}});
  };
  events("ready", counts.events_ready);
  events("leased", counts.events_leased);
  events("waiting", counts.events_waiting);
  events("dead", counts.events_dead);
  metrics.gauge("mnema_mailbox_full", "1 while the mailbox refuses new events", counts.mailbox_full ? 1 : 0);
  metrics.counter("mnema_events_accepted_total", "Events stored", number(counts.events_accepted_total));
  metrics.counter("mnema_events_duplicate_total", "Events that were known", number(counts.events_duplicate_total));
  metrics.counter("mnema_events_refused_total", "Events refused because a bound was reached",
                  number(counts.events_refused_total));
  metrics.counter("mnema_events_dead_total", "Events that became dead letters", number(counts.events_dead_total));
  const auto settled = [&metrics](const char* why, std::int64_t count) {
    metrics.counter("mnema_events_settled_total", "Events acknowledged and settled without a turn", number(count),
                    {{"why", why}});
  };
  settled("filtered", counts.events_filtered_total);
  settled("sampled", counts.events_sampled_total);
  settled("coalesced", counts.events_coalesced_total);
  metrics.counter("mnema_events_expired_total", "Events that became dead letters because their deadline passed",
                  number(counts.events_expired_total));
  const auto messages = [&metrics](const char* state, std::int64_t count) {
    metrics.gauge("mnema_messages", "Messages in the outbox by their state", number(count), {{"state", state}});
  };
  messages("waiting", counts.messages_waiting);
  messages("in_flight", counts.messages_in_flight);
  messages("dead", counts.messages_dead);
  metrics.counter("mnema_messages_delivered_total", "Messages delivered", number(counts.messages_delivered_total));
  metrics.counter("mnema_messages_dead_total", "Messages that became dead letters", number(counts.messages_dead_total));
}

void report(MetricsReport& metrics, const MemoryStatistics& statistics) {
  const auto entries = [&metrics](const char* kind, std::int64_t count) {
    metrics.gauge("mnema_memory_entries", "What memory holds", number(count), {{"kind", kind}});
  };
  entries("episode", statistics.episodes);
  entries("document", statistics.documents);
  entries("chunk", statistics.chunks);
  metrics.gauge("mnema_memory_vectors", "Entries with a vector of the present embedder", number(statistics.vectors));
  metrics.gauge("mnema_memory_vectors_pending", "Entries that wait for their vector",
                number(statistics.vectors_pending));
  metrics.gauge("mnema_memory_vectors_refused", "Entries without a vector, because the embedder refuses their text",
                number(statistics.vectors_refused));
  metrics.gauge("mnema_memory_index_bytes", "Vector indexes in memory", number(statistics.index_bytes));
  entries("fact", statistics.facts);
  entries("fact conflict", statistics.fact_conflicts);
  metrics.gauge("mnema_memory_episodes_unread", "Episodes whose facts are not made yet",
                number(statistics.episodes_unread));
  metrics.counter("mnema_memory_consolidation_units_total", "Units of work of consolidation",
                  number(statistics.consolidation_units));
  metrics.counter("mnema_memory_consolidation_failures_total", "Units of consolidation that failed and are tried again",
                  number(statistics.consolidation_failures));
  metrics.counter("mnema_memory_index_rebuilds_total", "Indexes built anew", statistics.index_rebuilds);
}

void report(MetricsReport& metrics, const HttpServer::Counts& counts) {
  metrics.gauge("mnema_http_connections", "Connections of clients",
                number(counts.connections_opened - counts.connections_closed));
  metrics.counter("mnema_http_connections_total", "Connections accepted", number(counts.connections_opened));
  metrics.counter("mnema_http_requests_total", "Requests that reached a handler", number(counts.requests));
  metrics.counter("mnema_http_refusals_total", "Requests refused while they were received", number(counts.refusals));
  metrics.counter("mnema_http_disconnects_total", "Clients that went before their answer was complete",
                  number(counts.disconnects));
  metrics.gauge("mnema_http_request_body_bytes", "Request bodies in memory", number(counts.body_bytes));
}

void report(MetricsReport& metrics, const std::string& connector, const UpstreamCounts& counts) {
  const MetricLabels labels{{"connector", connector}};
  metrics.counter("mnema_connector_calls_total", "Calls to a connector", number(counts.calls_total), labels);
  metrics.counter("mnema_connector_failures_total", "Attempts that the other side failed",
                  number(counts.failures_total), labels);
  metrics.counter("mnema_connector_retries_total", "Attempts after the first", number(counts.retries_total), labels);
  metrics.gauge("mnema_connector_in_flight", "Calls that have left", number(counts.in_flight), labels);
  metrics.gauge("mnema_connector_waiting", "Calls that wait for leave", number(counts.waiting), labels);
  const bool open = counts.breaker != Breaker::State::kClosed;
  metrics.gauge("mnema_connector_breaker_open", "1 while the breaker is open or probing", open ? 1 : 0, labels);
}

void report(MetricsReport& metrics, const std::string& connector, const ResponseWatch::Counts& counts) {
  const MetricLabels labels{{"connector", connector}};
  metrics.counter("mnema_connector_drift_total", "Answers that had not the shape they should have",
                  number(counts.drifted), labels);
  metrics.counter("mnema_connector_new_members_total", "Members that answers did not have before",
                  number(counts.new_members), labels);
  metrics.gauge("mnema_connector_shapes", "Calls whose answers are held to a shape", counts.shapes, labels);
}

}  // namespace mnema
