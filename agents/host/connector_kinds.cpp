#include "agents/host/connector_kinds.hpp"

#include <filesystem>

#include "agents/host/kafka_options.hpp"
#include "connectors/cron_source.hpp"
#include "connectors/file_sink.hpp"
#include "connectors/kafka/sink.hpp"
#include "connectors/kafka/source.hpp"
#include "connectors/kafka/transaction_sink.hpp"
#include "connectors/rabbitmq/sink.hpp"
#include "connectors/rabbitmq/source.hpp"
#include "connectors/webhook.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

Result<WebhookScheme> scheme_of(const std::string& name) {
  if (name == "github") return WebhookScheme::kGithub;
  if (name == "standard") return WebhookScheme::kStandardWebhooks;
  if (name == "unsigned") return WebhookScheme::kUnsigned;
  return fail(ErrorCode::kInvalidArgument, "there is no webhook scheme '" + name + "'", "github, standard, unsigned");
}

Result<std::unique_ptr<Source>> make_webhook(const SourceConfig& config, const ConnectorKindParts& parts) {
  WebhookOptions options;
  options.path = config.path;
  ASSIGN_OR_RETURN(options.scheme, scheme_of(config.scheme));
  if (options.scheme == WebhookScheme::kUnsigned && !parts.is_loopback) {
    return fail(ErrorCode::kPermissionDenied, "it takes unsigned webhooks, and the server is reached from outside",
                "sign them, or listen on 127.0.0.1");
  }
  for (const std::string& secret : config.secrets) {
    ASSIGN_OR_RETURN(SecretReference reference, SecretReference::parse(secret));
    options.secrets.push_back(std::move(reference));
  }
  options.tenant = config.tenant;
  options.agent = config.agent;
  RETURN_IF_ERROR(check_key_template(config.key));
  options.key_template = config.key;
  options.type_prefix = config.type_prefix;
  RETURN_IF_ERROR(parts.routes.check("POST", config.path));
  auto webhook = std::make_unique<WebhookSource>(std::move(options), parts.secrets, parts.workers, parts.clock,
                                                 parts.random, parts.limits);
  parts.routes.add("POST", config.path, webhook->handler());
  return std::unique_ptr<Source>(std::move(webhook));
}

Result<std::unique_ptr<Source>> make_cron(const std::string& name, const SourceConfig& config,
                                          const ConnectorKindParts& parts) {
  CronOptions options;
  options.name = name;
  options.expression = config.cron;
  options.time_zone = config.time_zone;
  const std::optional<MissedFires> missed = missed_fires_of(config.missed);
  if (!missed) return fail(ErrorCode::kInvalidArgument, "'missed' is '" + config.missed + "'", "skip, once, all");
  options.missed = *missed;
  options.tenant = config.tenant;
  options.agent = config.agent;
  RETURN_IF_ERROR(check_key_template(config.key));
  options.key_template = config.key;
  options.type_prefix = config.type_prefix;
  options.data = config.data;
  ASSIGN_OR_RETURN(std::unique_ptr<CronSource> source,
                   CronSource::open(std::move(options), {parts.database, parts.home, parts.clock, parts.limits}));
  return std::unique_ptr<Source>(std::move(source));
}

MessageMapping mapping_of(const SourceConfig& config) {
  MessageMapping mapping;
  mapping.format = config.format == "bytes" ? MessageMapping::Format::kBytes : MessageMapping::Format::kJson;
  mapping.id = config.event_id;
  mapping.type = config.event_type;
  mapping.tenant_template = config.event_tenant;
  mapping.tenant = config.tenant;
  mapping.agent = config.agent;
  mapping.type_prefix = config.type_prefix;
  return mapping;
}

Result<std::unique_ptr<Source>> make_kafka_source(const std::string& name, const SourceConfig& config,
                                                  const ConnectorKindParts& parts) {
  KafkaSourceOptions options;
  options.name = name;
  ASSIGN_OR_RETURN(options.client, kafka_client_of(config.kafka));
  options.consumer.topics = config.topics;
  options.consumer.group = kafka_group_of(name, config);
  options.consumer.from_latest = config.start == "latest";
  options.consumer.acknowledges_done = config.ack == "done";
  // Who does not say which agent it wakes may wake any.
  for (const std::string& agent : parts.stateful_agents) {
    if (config.agent.empty() || config.agent == agent) options.consumer.stateful_agent = agent;
  }
  static_cast<MessageMapping&>(options.mapping) = mapping_of(config);
  for (const SchemaKind kind : {SchemaKind::kAvro, SchemaKind::kProtobuf, SchemaKind::kJsonSchema}) {
    if (config.format != name_of(kind)) continue;
    options.mapping.schema_kind = kind;
    ASSIGN_OR_RETURN(options.registry,
                     parts.connectors.open_registry(name, config.registry, parts.loop, parts.workers, parts.limits));
  }
  options.dedupe = config.dedupe == "id" ? Dedupe::kById : Dedupe::kByOffset;
  options.instance_id = config.instance_id;
  RETURN_IF_ERROR(check_key_template(config.key));
  options.key_template = config.key;
  const KafkaConsumerParts own{parts.loop,    parts.workers, parts.blocking, parts.database,
                               parts.mailbox, parts.clock,   parts.random,   parts.limits};
  return std::unique_ptr<Source>(std::make_unique<KafkaSource>(std::move(options), parts.secrets, parts.loop, own));
}

Result<std::unique_ptr<Sink>> make_kafka_sink(const std::string& name, const ConnectorConfig& config,
                                              const ConnectorKindParts& parts) {
  KafkaSinkOptions options;
  options.name = name;
  ASSIGN_OR_RETURN(options.client, kafka_client_of(config.kafka));
  options.topic = config.topic;
  options.record_key = config.record_key;
  options.linger_ms = config.linger_ms;
  options.timeout_ms = config.timeout_ms;
  const KafkaClient::Parts client{parts.secrets, parts.blocking, parts.clock, parts.limits};
  if (config.exactly_once) {
    const KafkaTransactionSink::Parts own{parts.loop, parts.database, parts.random, client};
    return std::unique_ptr<Sink>(std::make_unique<KafkaTransactionSink>(std::move(options), own));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<KafkaSink> sink, KafkaSink::open(std::move(options), parts.loop, client));
  return std::unique_ptr<Sink>(std::move(sink));
}

Result<RabbitmqClientOptions> rabbitmq_client_of(const RabbitmqClientConfig& config) {
  RabbitmqClientOptions options;
  ASSIGN_OR_RETURN(options.brokers, parse_rabbitmq_brokers(config.brokers, config.tls));
  options.vhost = config.vhost;
  options.username = config.username;
  if (config.password) {
    ASSIGN_OR_RETURN(options.password, SecretReference::parse(*config.password));
  }
  options.tls = config.tls;
  options.ca_file = config.tls_ca;
  options.certificate_file = config.tls_certificate;
  options.key_file = config.tls_key;
  options.heartbeat_s = config.heartbeat_s;
  return options;
}

RabbitmqClientParts rabbitmq_parts_of(const ConnectorKindParts& parts) {
  return {parts.loop, parts.blocking, parts.secrets, parts.clock, parts.random, parts.limits};
}

Result<std::unique_ptr<Source>> make_rabbitmq_source(const std::string& name, const SourceConfig& config,
                                                     const ConnectorKindParts& parts) {
  RabbitmqSourceOptions options;
  options.name = name;
  ASSIGN_OR_RETURN(options.client, rabbitmq_client_of(config.rabbitmq));
  options.consumer.queue = config.queue;
  if (config.queue_type != "existing") options.consumer.declare_type = config.queue_type;
  options.consumer.exchange = config.exchange;
  options.consumer.routing_keys = config.routing_keys;
  options.consumer.prefetch_max = config.prefetch;
  options.consumer.acknowledges_done = config.ack == "done";
  options.mapping = mapping_of(config);
  RETURN_IF_ERROR(check_key_template(config.key));
  options.key_template = config.key;
  const RabbitmqConsumerParts own{parts.loop, parts.workers, parts.mailbox, parts.clock, parts.random, parts.limits};
  ASSIGN_OR_RETURN(std::unique_ptr<RabbitmqSource> source,
                   RabbitmqSource::open(std::move(options), rabbitmq_parts_of(parts), own));
  return std::unique_ptr<Source>(std::move(source));
}

Result<std::unique_ptr<Sink>> make_rabbitmq_sink(const std::string& name, const ConnectorConfig& config,
                                                 const ConnectorKindParts& parts) {
  RabbitmqSinkOptions options;
  options.name = name;
  ASSIGN_OR_RETURN(options.client, rabbitmq_client_of(config.rabbitmq));
  options.exchange = config.exchange;
  options.routing_key = config.routing_key;
  options.linger_ms = config.linger_ms;
  options.timeout_ms = config.timeout_ms;
  options.message_bytes_max = config.message_bytes_max;
  ASSIGN_OR_RETURN(std::unique_ptr<RabbitmqSink> sink,
                   RabbitmqSink::open(std::move(options), rabbitmq_parts_of(parts)));
  return std::unique_ptr<Sink>(std::move(sink));
}

Result<std::unique_ptr<Sink>> make_file(const ConnectorConfig& config, const ConnectorKindParts& parts) {
  std::error_code ignored;  // the sink says what is wrong with the path
  std::filesystem::create_directories(std::filesystem::path(config.path).parent_path(), ignored);
  ASSIGN_OR_RETURN(std::unique_ptr<FileSink> sink, FileSink::open(config.path, parts.blocking));
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace

void add_connector_kinds(ConnectorRegistry& registry, const ConnectorKindParts& parts) {
  using Name = const std::string&;
  registry.add_source_kind("webhook",
                           [parts](Name, const SourceConfig& config) { return make_webhook(config, parts); });
  registry.add_source_kind("cron",
                           [parts](Name name, const SourceConfig& config) { return make_cron(name, config, parts); });
  registry.add_source_kind(
      "kafka", [parts](Name name, const SourceConfig& config) { return make_kafka_source(name, config, parts); });
  registry.add_source_kind(
      "rabbitmq", [parts](Name name, const SourceConfig& config) { return make_rabbitmq_source(name, config, parts); });
  registry.add_sink_kind(
      "http", [parts](Name name, const ConnectorConfig& config) { return parts.connectors.open(name, config); });
  registry.add_sink_kind(
      "kafka", [parts](Name name, const ConnectorConfig& config) { return make_kafka_sink(name, config, parts); });
  registry.add_sink_kind("rabbitmq", [parts](Name name, const ConnectorConfig& config) {
    return make_rabbitmq_sink(name, config, parts);
  });
  registry.add_sink_kind("file", [parts](Name, const ConnectorConfig& config) { return make_file(config, parts); });
}

}  // namespace mnema
