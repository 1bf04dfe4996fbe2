#include "runtime/config/connector_config.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include "runtime/config/toml_reader.hpp"

namespace mnema {
namespace {

constexpr int kIntMax = std::numeric_limits<int>::max();

/// What is wrong with `url` as the base of a connector, as far as its text tells; empty: nothing.
std::string problem_of_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  std::string scheme(url.substr(0, colon == std::string_view::npos ? 0 : colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  if (scheme != "http" && scheme != "https") return "must begin with http:// or https://";
  const std::string_view authority = url.substr(colon + 3, url.find_first_of("/?#", colon + 3) - (colon + 3));
  if (authority.empty() || authority.starts_with(':')) return "names no host";
  if (url.find('#') != std::string_view::npos) return "has a fragment ('#'), which is never sent";
  if (authority.find('@') != std::string_view::npos) return "has a user name or password in it; use 'bearer'";
  return "";
}

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
  const std::string wrong = connector.url.empty() ? "is missing" : problem_of_url(connector.url);
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
  table.read_integer("linger_ms", connector.linger_ms, 0, 10'000);
  table.read("exactly_once", connector.exactly_once);
  table.read_integer("timeout_ms", connector.timeout_ms, 1, kIntMax);
  if (connector.topic.empty()) table.problem("topic", "is missing");
}

struct Kind {
  std::string_view name;
  void (*read)(TomlReader& table, ConnectorConfig& connector);
};
constexpr Kind kKinds[] = {{"http", read_http}, {"file", read_file}, {"kafka", read_kafka}};

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
