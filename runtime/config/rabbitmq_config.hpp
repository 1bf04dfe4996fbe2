// runtime/config/rabbitmq_config.hpp
//
// How a RabbitMQ broker is reached: keys that its sources and its sinks share.
//
// Threads: plain values, pure functions.
#pragma once

#include <optional>
#include <string>

namespace mnema {

class TomlReader;

struct RabbitmqClientConfig {
  std::string brokers;  // "host:5672,host:5672"
  std::string vhost = "/";
  std::string username;
  std::optional<std::string> password;  // where it is (runtime/config/config.hpp)
  bool tls = false;
  std::string tls_ca;  // PEM files
  std::string tls_certificate;
  std::string tls_key;
  int heartbeat_s = 30;
};

/// What is wrong goes to the reader's problems.
void read_rabbitmq_client(TomlReader& table, RabbitmqClientConfig& rabbitmq);

}  // namespace mnema
