#include "runtime/config/connector_config.hpp"

#include <limits>

#include "runtime/config/toml_reader.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

constexpr int kIntMax = std::numeric_limits<int>::max();

void read_http(TomlReader& table, ConnectorConfig& connector) {
  table.read("url", connector.url);
  table.read("path", connector.path);
  table.read_secret("bearer", connector.bearer);
  table.read("headers", connector.headers);
  if (table.has("calls_per_second")) {
    double per_second = 1;
    table.read("calls_per_second", per_second);
    if (per_second == 0) table.problem("calls_per_second", "must be more than 0; leave it out for no limit");
    connector.calls_per_second = per_second;
  }
  int per_hour = 0;
  table.read_integer("calls_per_hour", per_hour, 1, kIntMax);
  if (per_hour > 0) connector.calls_per_hour = per_hour;
  table.read_integer("calls_in_flight_max", connector.calls_in_flight_max, 1, 1024);
  table.read_integer("attempts_max", connector.attempts_max, 1, 100);
  table.read_integer("timeout_ms", connector.timeout_ms, 1, kIntMax);
  table.read("schemas", connector.schemas);
  table.read_choice("drift", connector.drift, {"pinned", "fail", "note", "off"});
  for (const auto& [call, file] : connector.schemas) {
    const std::size_t blank = call.find(' ');
    if (blank == std::string::npos || blank == 0 || call.substr(blank + 1).substr(0, 1) != "/") {
      table.problem("schemas", "has '" + call + "', which is no method and path, as \"GET /orders/{id}\"");
    }
    if (file.empty()) table.problem("schemas", "names no file for '" + call + "'");
  }
  const std::string wrong = connector.url.empty() ? "is missing" : problem_of_base_url(connector.url, "bearer");
  if (!wrong.empty()) table.problem("url", wrong);
  if (!connector.path.empty() && !connector.path.starts_with('/')) table.problem("path", "must begin with '/'");
}

void read_file(TomlReader& table, ConnectorConfig& connector) {
  table.read("path", connector.path);
  if (connector.path.empty()) table.problem("path", "is missing");
}

void read_kafka(TomlReader& table, ConnectorConfig& connector) {
  read_kafka_client(table, connector.kafka);
  table.read("topic", connector.topic);
  table.read_key_template("record_key", connector.record_key);
  table.read_integer("linger_ms", connector.linger_ms, 0, 10'000);
  table.read("exactly_once", connector.exactly_once);
  table.read_integer("timeout_ms", connector.timeout_ms, 1, kIntMax);
  if (connector.topic.empty()) table.problem("topic", "is missing");
}

void read_rabbitmq(TomlReader& table, ConnectorConfig& connector) {
  read_rabbitmq_client(table, connector.rabbitmq);
  table.read("exchange", connector.exchange);
  table.read("routing_key", connector.routing_key);
  table.read_integer("linger_ms", connector.linger_ms, 0, 10'000);
  table.read_integer("timeout_ms", connector.timeout_ms, 1, kIntMax);
  table.read_bytes("message_bytes_max", connector.message_bytes_max);
  if (connector.routing_key.empty()) table.problem("routing_key", "is missing: where do messages go?");
  // Without a brace it is itself, and no member of the message.
  if (connector.routing_key.find('{') == std::string::npos) return;
  if (const Status status = check_key_template(connector.routing_key); !status.ok()) {
    table.problem("routing_key", "cannot be read: " + status.error().message);
  }
}

struct Kind {
  std::string_view name;
  void (*read)(TomlReader& table, ConnectorConfig& connector);
};
constexpr Kind kKinds[] = {
    {"http", read_http}, {"file", read_file}, {"kafka", read_kafka}, {"rabbitmq", read_rabbitmq}};

}  // namespace

std::vector<std::string_view> connector_kinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

void read_connector(TomlReader& table, ConnectorConfig& connector) {
  connector.place = table.place("url");
  table.read_choice("kind", connector.kind, connector_kinds());
  for (const Kind& kind : kKinds) {
    if (kind.name == connector.kind) return kind.read(table, connector);
  }
  table.ignore_unknown_keys();
}

}  // namespace mnema
