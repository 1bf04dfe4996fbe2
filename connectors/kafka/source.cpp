#include "connectors/kafka/source.hpp"

#include <utility>

#include "connectors/kafka/client_member.hpp"
#include "connectors/kafka/replay.hpp"

namespace mnema {
namespace {

constexpr int kCooperativeSince = 0x020a01ff;  // 2.10.1

KafkaClient::Settings settings_of(const KafkaSourceOptions& options) {
  KafkaClient::Settings settings = {
      {"group.id", options.consumer.group},
      // Ours, with a mark, when they are due (start_position.hpp).
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // Never silently: consumer.cpp decides, and says so.
      {"auto.offset.reset", "error"},
      {"partition.assignment.strategy", rd_kafka_version() >= kCooperativeSince ? "cooperative-sticky" : "range"},
      {"isolation.level", "read_committed"},
  };
  if (!options.instance_id.empty()) settings["group.instance.id"] = options.instance_id;
  // What is fetched ahead is dropped by every pause, and is memory: far below librdkafka's 64 MiB.
  const auto& chosen = options.client.options;
  if (!chosen.contains("queued.max.messages.kbytes")) settings["queued.max.messages.kbytes"] = "16384";
  if (!chosen.contains("session.timeout.ms")) settings["session.timeout.ms"] = "10000";
  return settings;
}

KafkaBatchRules rules_of(const KafkaSourceOptions& options) {
  KafkaBatchRules rules;
  rules.mapping = options.mapping;
  rules.mapping.source = "kafka:" + options.name;
  rules.group = options.consumer.group;
  rules.key_template = options.key_template;
  rules.dedupe = options.dedupe;
  rules.tracks_unfinished = options.consumer.acknowledges_done;
  return rules;
}

}  // namespace

KafkaSource::KafkaSource(KafkaSourceOptions options, SecretsStore& secrets, Loop& loop, const KafkaConsumerParts& parts)
    : options_(std::move(options)),
      secrets_(secrets),
      loop_(loop),
      parts_(parts),
      versions_(std::make_shared<SchemaVersions>(options_.name, parts.limits)) {}

KafkaSource::~KafkaSource() {
  if (consumer_) consumer_->close();
}

std::string KafkaSource::name() const { return "kafka:" + options_.name; }

std::optional<std::string> KafkaSource::tenant() const {
  if (!options_.mapping.tenant_template.empty()) return std::nullopt;
  return options_.mapping.tenant;
}

Status KafkaSource::start(Accept accept) {
  ASSIGN_OR_RETURN(std::shared_ptr<KafkaClient> client,
                   KafkaClient::open(RD_KAFKA_CONSUMER, options_.name, options_.client, settings_of(options_),
                                     RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT,
                                     {secrets_, parts_.blocking, parts_.clock, parts_.limits}));
  KafkaBatchRules rules = rules_of(options_);
  rules.registry = options_.registry;
  rules.versions = versions_;
  auto member = std::make_shared<KafkaClientMember>(loop_, std::move(client), options_.consumer.group);
  consumer_ = std::make_shared<KafkaConsumer>(options_.consumer, std::move(rules), std::move(member), parts_);
  if (options_.consumer.acknowledges_done) {
    parts_.mailbox.on_settled([weak = std::weak_ptr(consumer_)](Sequence sequence) {
      if (const auto consumer = weak.lock()) consumer->settled(sequence);
    });
  }
  return consumer_->start(std::move(accept));
}

void KafkaSource::post(void (*work)(KafkaConsumer&)) const {
  if (consumer_) parts_.loop.post([consumer = consumer_, work] { work(*consumer); });
}

void KafkaSource::pause() {
  post([](KafkaConsumer& consumer) { consumer.pause(true); });
}
void KafkaSource::resume() {
  post([](KafkaConsumer& consumer) { consumer.pause(false); });
}
void KafkaSource::drain() {
  post([](KafkaConsumer& consumer) { consumer.drain(); });
}
void KafkaSource::stop() {
  is_stopped_ = true;
  post([](KafkaConsumer& consumer) { consumer.stop(); });
}

bool KafkaSource::is_leaving() const { return consumer_ && is_stopped_ && !consumer_->has_left(); }

void KafkaSource::replay(const ReplayRequest& request, std::function<void(Result<ReplayReport>)> done) {
  if (!consumer_) return done(fail(ErrorCode::kFailedPrecondition, "'" + name() + "' has not begun"));
  const bool knows_ids = options_.dedupe == Dedupe::kById;
  parts_.loop.post([consumer = consumer_, request, knows_ids, done = std::move(done)] {
    consumer->replay(request, [knows_ids, done](Result<ReplayReport> report) {
      if (report.ok() && knows_ids) report->note = kKafkaReplayKnowsIds;
      done(std::move(report));
    });
  });
}

std::optional<std::string> KafkaSource::problem() const {
  if (std::optional<std::string> of_client = consumer_ ? consumer_->member()->problem() : std::nullopt)
    return of_client;
  return options_.registry ? options_.registry->problem() : std::nullopt;
}

KafkaConsumer::Counts KafkaSource::counts() const { return consumer_ ? consumer_->counts() : KafkaConsumer::Counts{}; }

void KafkaSource::report(MetricsReport& metrics) const {
  const KafkaConsumer::Counts now = counts();
  const auto records = [&](const char* result, long long count) {
    metrics.counter("mnema_kafka_records_total", "Records of Kafka sources by what became of them",
                    static_cast<double>(count), {{"source", options_.name}, {"result", result}});
  };
  records("accepted", now.accepted);
  records("duplicate", now.duplicates);
  records("dead", now.dead);
  records("unrouted", now.unrouted);
  records("repeated", now.skipped);
  records("lost", now.lost);
  const MetricLabels labels{{"source", options_.name}};
  metrics.counter("mnema_kafka_assignments_total", "Times that partitions were assigned",
                  static_cast<double>(now.assignments), labels);
  metrics.counter("mnema_kafka_epochs_total", "Epochs begun because offsets were reset or a topic was created anew",
                  static_cast<double>(now.epochs), labels);
  metrics.counter("mnema_kafka_commits_total", "Offset commits that the broker has confirmed",
                  static_cast<double>(now.commits), labels);
  metrics.counter("mnema_kafka_pauses_total", "Times that fetching was paused", static_cast<double>(now.pauses),
                  labels);
  metrics.gauge("mnema_kafka_lag_records", "Records that are not ours yet, as far as they are known",
                static_cast<double>(now.lag), labels);
  metrics.gauge("mnema_kafka_uncommitted_records",
                "Records that are ours and that another node of the group would be given as well if this one died now",
                static_cast<double>(now.uncommitted), labels);
  metrics.gauge("mnema_kafka_broken", "1 while a client of a Kafka source has a problem", problem() ? 1 : 0, labels);
  if (!options_.registry) return;
  const SchemaRegistry::Counts registry = options_.registry->counts();
  const auto schemas = [&](const char* result, long long count) {
    metrics.counter("mnema_schema_registry_fetches_total", "Schemas asked for at a registry, by its answer",
                    static_cast<double>(count), {{"source", options_.name}, {"result", result}});
  };
  schemas("found", registry.fetched);
  schemas("unknown", registry.unknown);
  schemas("failed", registry.failed);
  metrics.gauge("mnema_schema_registry_waiting", "1 while records wait because their registry does not answer",
                options_.registry->problem() ? 1 : 0, labels);
  const SchemaVersions::Counts versions = versions_->counts();
  const auto drift = [&](const char* kind, long long count) {
    metrics.counter("mnema_schema_drift_total", "Members that a topic's newer schemas have changed, by how",
                    static_cast<double>(count), {{"source", options_.name}, {"kind", kind}});
  };
  drift("new", versions.added);
  drift("broken", versions.broken);
}

}  // namespace mnema
