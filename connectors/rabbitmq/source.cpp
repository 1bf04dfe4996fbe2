#include "connectors/rabbitmq/source.hpp"

#include <utility>

namespace mnema {
namespace {

RabbitmqBatchRules rules_of(const RabbitmqSourceOptions& options) {
  RabbitmqBatchRules rules;
  rules.queue = options.consumer.queue;
  rules.mapping = options.mapping;
  rules.mapping.source = "rabbitmq:" + options.name;
  rules.key_template = options.key_template;
  rules.tracks_unfinished = options.consumer.acknowledges_done;
  return rules;
}

}  // namespace

RabbitmqSource::RabbitmqSource(RabbitmqSourceOptions options, const RabbitmqClientParts& client,
                               const RabbitmqConsumerParts& parts)
    : options_(std::move(options)),
      parts_(parts),
      consumer_(std::make_shared<RabbitmqConsumer>(
          options_.consumer, rules_of(options_),
          std::make_shared<RabbitmqLink>(options_.name, options_.client,
                                         static_cast<std::size_t>(parts.limits.event_bytes_max), client),
          parts)) {}

Result<std::unique_ptr<RabbitmqSource>> RabbitmqSource::open(RabbitmqSourceOptions options,
                                                             const RabbitmqClientParts& client,
                                                             const RabbitmqConsumerParts& parts) {
  RETURN_IF_ERROR(check_rabbitmq_options(options.client));
  RETURN_IF_ERROR(check_amqp_name("the queue's name", options.consumer.queue));
  RETURN_IF_ERROR(check_amqp_name("the exchange's name", options.consumer.exchange));
  for (const std::string& key : options.consumer.routing_keys) RETURN_IF_ERROR(check_amqp_name("a routing key", key));
  return std::unique_ptr<RabbitmqSource>(new RabbitmqSource(std::move(options), client, parts));
}

std::string RabbitmqSource::name() const { return "rabbitmq:" + options_.name; }

std::optional<std::string> RabbitmqSource::tenant() const {
  if (!options_.mapping.tenant_template.empty()) return std::nullopt;
  return options_.mapping.tenant;
}

Status RabbitmqSource::start(Accept accept) {
  if (options_.consumer.acknowledges_done) {
    parts_.mailbox.on_settled([weak = std::weak_ptr(consumer_)](Sequence sequence) {
      if (const auto consumer = weak.lock()) consumer->settled(sequence);
    });
  }
  parts_.loop.post(
      [consumer = consumer_, accept = std::move(accept)]() mutable { consumer->start(std::move(accept)); });
  return {};
}

void RabbitmqSource::post(void (*work)(RabbitmqConsumer&)) const {
  parts_.loop.post([consumer = consumer_, work] { work(*consumer); });
}

void RabbitmqSource::pause() {
  post([](RabbitmqConsumer& consumer) { consumer.pause(true); });
}
void RabbitmqSource::resume() {
  post([](RabbitmqConsumer& consumer) { consumer.pause(false); });
}
void RabbitmqSource::drain() {
  post([](RabbitmqConsumer& consumer) { consumer.drain(); });
}
void RabbitmqSource::stop() {
  post([](RabbitmqConsumer& consumer) { consumer.stop(); });
}

std::optional<std::string> RabbitmqSource::problem() const { return consumer_->link().problem(); }

void RabbitmqSource::report(MetricsReport& metrics) const {
  const RabbitmqConsumer::Counts now = counts();
  const auto messages = [&](const char* result, long long count) {
    metrics.counter("mnema_rabbitmq_messages_total", "Messages of RabbitMQ sources by what became of them",
                    static_cast<double>(count), {{"source", options_.name}, {"result", result}});
  };
  messages("accepted", now.accepted);
  messages("duplicate", now.duplicates);
  messages("dead", now.dead);
  messages("unrouted", now.unrouted);
  const MetricLabels labels{{"source", options_.name}};
  metrics.counter("mnema_rabbitmq_redelivered_total", "Messages that the broker has sent before",
                  static_cast<double>(now.redelivered), labels);
  metrics.counter("mnema_rabbitmq_acknowledged_total", "Messages acknowledged", static_cast<double>(now.acknowledged),
                  labels);
  metrics.counter("mnema_rabbitmq_connections_total", "Times that a connection was opened",
                  static_cast<double>(now.connections), labels);
  metrics.counter("mnema_rabbitmq_pauses_total", "Times that consuming was paused", static_cast<double>(now.pauses),
                  labels);
  metrics.gauge("mnema_rabbitmq_unfinished", "Messages that wait for their turns, with ack = done",
                static_cast<double>(now.unfinished), labels);
  metrics.gauge("mnema_rabbitmq_broken", "1 while a RabbitMQ source has a problem", problem() ? 1 : 0, labels);
}

}  // namespace mnema
