// runtime/config/connector_config.hpp
//
// [connectors.NAME]: other people's APIs and files. A kind is a line of `connector_kinds` here, which says how its own
// keys are read, and a factory where programs are put together (agents/host/connector_kinds.hpp).
//
// Threads: plain values, pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/kafka_config.hpp"
#include "runtime/config/rabbitmq_config.hpp"

namespace mnema {

class TomlReader;

struct ConnectorConfig {
  std::string kind;
  std::string place;  // "mnema.toml:7:1", for what is found wrong when it is opened; "" = not from a file
  std::string path;   // http: appended to the URL of deliveries; file: the NDJSON file
  // http
  std::string url;                    // base URL
  std::optional<std::string> bearer;  // where it is (runtime/config/config.hpp)
  std::map<std::string, std::string> headers;
  std::optional<double> calls_per_second;
  std::optional<int> calls_per_hour;
  int calls_in_flight_max = 8;
  int attempts_max = 4;
  std::map<std::string, std::string> schemas;  // "GET /orders/{id}" → file of a JSON Schema
  std::string drift = "pinned";                // pinned | fail | note | off: what changed answers do
  int timeout_ms = 60'000;                     // kafka, rabbitmq: until a message counts as not sent
  // kafka
  KafkaClientConfig kafka;
  std::string topic;
  std::string record_key;  // template over the message; "" = the message's key
  int linger_ms = 5;       // of rabbitmq, too
  bool exactly_once = false;
  // rabbitmq
  RabbitmqClientConfig rabbitmq;
  std::string exchange;     // "" = the default one, whose routing keys are names of queues
  std::string routing_key;  // template over the message
  std::int64_t message_bytes_max = 16 << 20;
};

[[nodiscard]] std::vector<std::string_view> connector_kinds();

/// Reads the table; what is wrong in it goes to the reader's problems.
void read_connector(TomlReader& table, ConnectorConfig& connector);

}  // namespace mnema
