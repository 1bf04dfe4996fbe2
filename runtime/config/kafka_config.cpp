#include "runtime/config/kafka_config.hpp"

#include "runtime/config/toml_reader.hpp"

namespace mnema {

void read_kafka_client(TomlReader& table, KafkaClientConfig& kafka) {
  table.read("brokers", kafka.brokers);
  table.read("tls", kafka.tls);
  table.read("tls_ca", kafka.tls_ca);
  table.read("tls_certificate", kafka.tls_certificate);
  table.read("tls_key", kafka.tls_key);
  table.read_choice("sasl", kafka.sasl, {"none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer"});
  table.read("username", kafka.username);
  table.read_secret("password", kafka.password);
  table.read_secret("token", kafka.token);
  table.read("options", kafka.options);
  if (kafka.brokers.empty()) table.problem("brokers", "is missing");
  if (kafka.tls_certificate.empty() != kafka.tls_key.empty()) {
    table.problem("tls_key", "and 'tls_certificate' are set together");
  }
  const bool is_file_named = !kafka.tls_ca.empty() || !kafka.tls_certificate.empty();
  if (is_file_named && !kafka.tls) table.problem("tls", "is false, and a file for it is named");
  const bool has_password = kafka.sasl == "plain" || kafka.sasl.starts_with("scram");
  if (has_password && !kafka.password && !table.has("password")) {
    table.problem("password", "is missing: 'sasl' is " + kafka.sasl);
  }
  if (has_password && kafka.username.empty()) table.problem("username", "is missing: 'sasl' is " + kafka.sasl);
  if (kafka.sasl == "oauthbearer" && !kafka.token && !table.has("token")) {
    table.problem("token", "is missing: 'sasl' is oauthbearer");
  }
  if (kafka.sasl == "none" && (kafka.password || kafka.token)) {
    table.problem("sasl", "is none, and a password or token is named");
  }
}

}  // namespace mnema
