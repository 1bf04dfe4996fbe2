#include "runtime/config/rabbitmq_config.hpp"

#include "runtime/config/toml_reader.hpp"

namespace mnema {

void read_rabbitmq_client(TomlReader& table, RabbitmqClientConfig& rabbitmq) {
  table.read("brokers", rabbitmq.brokers);
  table.read("vhost", rabbitmq.vhost);
  table.read("username", rabbitmq.username);
  table.read_secret("password", rabbitmq.password);
  table.read("tls", rabbitmq.tls);
  table.read("tls_ca", rabbitmq.tls_ca);
  table.read("tls_certificate", rabbitmq.tls_certificate);
  table.read("tls_key", rabbitmq.tls_key);
  table.read_integer("heartbeat_s", rabbitmq.heartbeat_s, 1, 3'600);
  if (rabbitmq.brokers.empty()) table.problem("brokers", "is missing");
  if (rabbitmq.username.empty()) table.problem("username", "is missing: how do we log in?");
  if (!rabbitmq.password && !table.has("password")) table.problem("password", "is missing: how do we log in?");
  if (rabbitmq.tls_certificate.empty() != rabbitmq.tls_key.empty()) {
    table.problem("tls_key", "and 'tls_certificate' are set together");
  }
  const bool is_file_named = !rabbitmq.tls_ca.empty() || !rabbitmq.tls_certificate.empty();
  if (is_file_named && !rabbitmq.tls) table.problem("tls", "is false, and a file for it is named");
}

}  // namespace mnema
