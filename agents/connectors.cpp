#include "agents/connectors.hpp"

#include <filesystem>

#include "connectors/file_sink.hpp"
#include "connectors/http_sink.hpp"

namespace mnema {

Connectors::Connectors(Parts parts) : parts_(parts), permits_(parts.database, std::chrono::hours(1)) {}

Status Connectors::open(const std::map<std::string, ConnectorConfig>& configs) {
  for (const auto& [name, config] : configs) {
    if (config.kind == "file") {
      std::error_code ignored;  // the sink says what is wrong with the path
      std::filesystem::create_directories(std::filesystem::path(config.path).parent_path(), ignored);
      auto sink = FileSink::open(config.path, parts_.blocking);
      if (!sink.ok()) {
        Error error = sink.error();
        error.message = "connector '" + name + "': " + error.message;
        return error;
      }
      sinks_[name] = std::move(*sink);
      continue;
    }
    UpstreamOptions upstream;
    upstream.name = name;
    upstream.calls_per_second = config.calls_per_second;
    upstream.calls_per_window = config.calls_per_hour;
    upstream.calls_in_flight_max = config.calls_in_flight_max;
    upstream.retry.attempts_max = config.attempts_max;
    std::vector<Time> restored;
    if (config.calls_per_hour) {
      ASSIGN_OR_RETURN(restored, permits_.load(name, parts_.clock.now() - upstream.window - upstream.permit_grace));
    }
    HttpClientOptions client;
    client.base_url = config.url;
    client.total_timeout = std::chrono::milliseconds(config.timeout_ms);
    if (config.bearer) {
      ASSIGN_OR_RETURN(client.bearer, SecretReference::parse(*config.bearer));
    }
    for (const auto& [header, value] : config.headers) client.headers.add(header, value);
    upstreams_[name] = std::make_unique<Upstream>(upstream, parts_.clock, &permits_, restored);
    clients_[name] = std::make_unique<HttpClient>(std::move(client), *upstreams_[name], parts_.secrets, parts_.blocking,
                                                  parts_.clock, parts_.random);
    sinks_[name] = std::make_unique<HttpSink>(*clients_[name], config.path);
  }
  return {};
}

Sink* Connectors::sink(const std::string& name) const {
  const auto found = sinks_.find(name);
  return found == sinks_.end() ? nullptr : found->second.get();
}

HttpClient* Connectors::client(const std::string& name) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : found->second.get();
}

}  // namespace mnema
