// runtime/config/kafka_config.hpp
//
// How a Kafka cluster is reached: keys that its sources and its sinks share.
//
// Threads: plain values, pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

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

/// A schema registry with Confluent's API.
struct SchemaRegistryConfig {
  std::string url;  // "https://registry.example.com"; "" = none
  std::string user;
  std::optional<std::string> password;  // where it is
  std::string ca;                       // PEM file
};
void read_schema_registry(TomlReader& table, SchemaRegistryConfig& registry);

/// What is wrong with `url` as the base of an HTTP API, as far as its text tells; empty: nothing.
[[nodiscard]] std::string problem_of_base_url(std::string_view url, std::string_view login_key);

/// What is wrong goes to the reader's problems.
void read_kafka_client(TomlReader& table, KafkaClientConfig& kafka);

}  // namespace mnema
