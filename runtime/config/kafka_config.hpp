// runtime/config/kafka_config.hpp
//
// How a Kafka cluster is reached: keys that its sources and its sinks share.
//
// Threads: plain values, pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace mnema {

class TomlReader;

struct KafkaClientConfig {
  std::string brokers;  // "host:9092,host:9092"
  bool tls = false;
  std::string tls_ca;  // PEM files
  std::string tls_certificate;
  std::string tls_key;
  std::string sasl = "none";  // none | plain | scram-sha-256 | scram-sha-512 | oauthbearer
  std::string username;
  std::optional<std::string> password;         // where it is (runtime/config/config.hpp)
  std::optional<std::string> token;            // likewise
  std::map<std::string, std::string> options;  // librdkafka's own
};

/// What is wrong goes to the reader's problems.
void read_kafka_client(TomlReader& table, KafkaClientConfig& kafka);

}  // namespace mnema
