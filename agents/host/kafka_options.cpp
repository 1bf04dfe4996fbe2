#include "agents/host/kafka_options.hpp"

namespace mnema {

Result<KafkaClientOptions> kafka_client_of(const KafkaClientConfig& config) {
  KafkaClientOptions options;
  options.brokers = config.brokers;
  options.tls = config.tls;
  options.ca_file = config.tls_ca;
  options.certificate_file = config.tls_certificate;
  options.key_file = config.tls_key;
  if (config.sasl != "none") options.sasl = config.sasl;
  options.username = config.username;
  options.options = config.options;
  if (const auto& secret = config.sasl == "oauthbearer" ? config.token : config.password; secret) {
    ASSIGN_OR_RETURN(options.secret, SecretReference::parse(*secret));
  }
  return options;
}

std::string kafka_group_of(const std::string& name, const SourceConfig& config) {
  return config.group.empty() ? "mnema-" + name : config.group;
}

}  // namespace mnema
