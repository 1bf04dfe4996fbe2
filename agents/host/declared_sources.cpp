#include "agents/host/declared_sources.hpp"

#include <algorithm>

namespace mnema {
namespace {

/// "agent shop", "agent shop 2", ...: no path, because names of sources are labels of metrics.
std::string unused_name(const Config& config, const std::string& agent) {
  const std::string name = "agent " + agent;
  if (config.sources.count(name) == 0) return name;
  for (int number = 2;; ++number) {
    std::string numbered = name + " " + std::to_string(number);
    if (config.sources.count(numbered) == 0) return numbered;
  }
}

/// Whether the configuration has a source of which `is_meant`; it is the agent's then, unless it says who else is.
template <class IsMeant>
bool is_configured(const std::string& agent, Config& config, const IsMeant& is_meant) {
  for (auto& [name, source] : config.sources) {
    if (!is_meant(source)) continue;
    if (source.agent.empty()) source.agent = agent;
    return true;
  }
  return false;
}

Error says_not_where(const std::string& agent, const std::string& what, const std::string& example,
                     const std::string& kind, const std::string& member) {
  return fail(ErrorCode::kInvalidArgument,
              "agent '" + agent + "' takes the " + what + ", and nothing says where its brokers are",
              "say .brokers(\"" + example + "\") in the program, or add a [sources.NAME] of kind \"" + kind +
                  "\" with this " + member);
}

Status add_records(const std::string& agent, const KafkaDeclaration& records, Config& config) {
  const auto reads_one_of = [&topics = records.topics()](const SourceConfig& source) {
    return source.kind == "kafka" && std::any_of(topics.begin(), topics.end(), [&](const std::string& topic) {
             return std::find(source.topics.begin(), source.topics.end(), topic) != source.topics.end();
           });
  };
  if (is_configured(agent, config, reads_one_of)) return {};
  if (records.addresses().empty()) {
    return says_not_where(agent, "records of Kafka topic '" + records.topics().front() + "'", "host:9092", "kafka",
                          "topic");
  }
  SourceConfig source;
  source.kind = "kafka";
  source.agent = agent;
  source.topics = records.topics();
  source.kafka.brokers = records.addresses();
  source.group = records.group_name().empty() ? "mnema-" + agent : records.group_name();
  if (records.acknowledges_done()) source.ack = "done";
  config.sources[unused_name(config, agent)] = std::move(source);
  return {};
}

Status add_messages(const std::string& agent, const RabbitmqDeclaration& messages, Config& config) {
  const auto reads_it = [&](const SourceConfig& source) {
    return source.kind == "rabbitmq" && source.queue == messages.queue();
  };
  if (is_configured(agent, config, reads_it)) return {};
  const std::string what = "messages of RabbitMQ queue '" + messages.queue() + "'";
  if (messages.addresses().empty()) return says_not_where(agent, what, "host:5672", "rabbitmq", "queue");
  if (messages.user().empty()) {
    return fail(ErrorCode::kInvalidArgument, "agent '" + agent + "' takes the " + what + ", and does not log in",
                "say .login(\"user\", \"env:RABBITMQ_PASSWORD\") in the program");
  }
  SourceConfig source;
  source.kind = "rabbitmq";
  source.agent = agent;
  source.queue = messages.queue();
  source.queue_type = messages.queue_type();
  source.exchange = messages.exchange();
  source.routing_keys = messages.routing_keys();
  source.event_id = messages.id_template();
  source.rabbitmq.brokers = messages.addresses();
  source.rabbitmq.vhost = messages.vhost_name();
  source.rabbitmq.username = messages.user();
  source.rabbitmq.password = messages.password();
  source.rabbitmq.tls = messages.is_encrypted();
  if (messages.acknowledges_done()) source.ack = "done";
  config.sources[unused_name(config, agent)] = std::move(source);
  return {};
}

}  // namespace

Status add_declared_sources(const std::map<std::string, AgentSpec>& agents, Config& config) {
  for (const auto& [name, agent] : agents) {
    for (const WebhookDeclaration& webhook : agent.webhooks) {
      const bool configured = std::any_of(config.sources.begin(), config.sources.end(),
                                          [&](const auto& source) { return source.second.path == webhook.path(); });
      if (configured || webhook.secrets().empty()) continue;
      SourceConfig source;
      source.kind = "webhook";
      source.path = webhook.path();
      source.scheme = webhook.scheme_name();
      source.secrets = webhook.secrets();
      config.sources[unused_name(config, name)] = std::move(source);
    }
    for (const KafkaDeclaration& records : agent.records) RETURN_IF_ERROR(add_records(name, records, config));
    for (const RabbitmqDeclaration& messages : agent.queues) RETURN_IF_ERROR(add_messages(name, messages, config));
    // By their order, which is what their next times are stored under.
    for (std::size_t i = 0; i < agent.schedules.size(); ++i) {
      const CronDeclaration& schedule = agent.schedules[i];
      SourceConfig source;
      source.kind = "cron";
      source.agent = name;
      source.cron = schedule.expression();
      source.time_zone = schedule.zone();
      source.missed = schedule.missed_policy();
      source.data = schedule.payload();
      std::string of_agent = "agent " + name + " cron";
      if (i > 0) of_agent += " " + std::to_string(i + 1);
      config.sources.try_emplace(std::move(of_agent), std::move(source));
    }
  }
  return {};
}

}  // namespace mnema
