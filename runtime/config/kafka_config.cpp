#include "runtime/config/kafka_config.hpp"

#include <algorithm>
#include <cctype>

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

void read_schema_registry(TomlReader& table, SchemaRegistryConfig& registry) {
  table.read("url", registry.url);
  table.read("user", registry.user);
  table.read_secret("password", registry.password);
  table.read("ca", registry.ca);
  const std::string wrong = registry.url.empty() ? "is missing" : problem_of_base_url(registry.url, "user");
  if (!wrong.empty()) table.problem("url", wrong);
  if (registry.user.empty() != (!registry.password && !table.has("password"))) {
    table.problem("user", "and 'password' are set together");
  }
}

std::string problem_of_base_url(std::string_view url, std::string_view login_key) {
  const std::size_t colon = url.find("://");
  std::string scheme(url.substr(0, colon == std::string_view::npos ? 0 : colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  if (scheme != "http" && scheme != "https") return "must begin with http:// or https://";
  const std::string_view authority = url.substr(colon + 3, url.find_first_of("/?#", colon + 3) - (colon + 3));
  if (authority.empty() || authority.starts_with(':')) return "names no host";
  if (url.find('#') != std::string_view::npos) return "has a fragment ('#'), which is never sent";
  if (authority.find('@') != std::string_view::npos) {
    return "has a user name or password in it; use '" + std::string(login_key) + "'";
  }
  return "";
}

}  // namespace mnema
