#include "connectors/kafka/source.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <utility>

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

KafkaSource::KafkaSource(KafkaSourceOptions options, SecretsStore& secrets, const KafkaConsumerParts& parts)
    : options_(std::move(options)), secrets_(secrets), parts_(parts) {}

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
                                     {secrets_, parts_.blocking, parts_.clock}));
  consumer_ = std::make_shared<KafkaConsumer>(options_.consumer, rules_of(options_), std::move(client), parts_);
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
  post([](KafkaConsumer& consumer) { consumer.stop(); });
}

Status KafkaSource::replay(Time from) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(from);
  std::string topics;
  for (const std::string& topic : options_.consumer.topics) topics += " --topic " + topic;
  return fail(
      ErrorCode::kUnsupported, "what '" + name() + "' brings is kept by Kafka, which is told there to send it again",
      "stop this program (a group with members keeps its offsets), then 'kafka-consumer-groups"
      " --bootstrap-server " +
          options_.client.brokers + " --group " + options_.consumer.group + topics + " --reset-offsets --to-datetime " +
          fmt::format("{:%Y-%m-%dT%H:%M:%S}.000", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds))) +
          " --execute'; at its next start what came from then on comes as new events, in a new epoch");
}

std::optional<std::string> KafkaSource::problem() const {
  return consumer_ ? consumer_->client()->problem() : std::nullopt;
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
  metrics.gauge("mnema_kafka_broken", "1 while a client of a Kafka source has a problem", problem() ? 1 : 0, labels);
}

}  // namespace mnema
