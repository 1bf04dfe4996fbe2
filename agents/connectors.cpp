#include "agents/connectors.hpp"

#include "connectors/http/path.hpp"
#include "connectors/http/request_check.hpp"
#include "connectors/http/url.hpp"
#include "connectors/http_sink.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

Connectors::Connectors(Parts parts) : parts_(parts), permits_(parts.database, std::chrono::hours(1)) {}

Result<std::unique_ptr<Sink>> Connectors::open(const std::string& name, const ConnectorConfig& config) {
  UpstreamOptions upstream;
  upstream.name = name;
  upstream.calls_per_second = config.calls_per_second;
  upstream.calls_per_window = config.calls_per_hour;
  upstream.calls_in_flight_max = config.calls_in_flight_max;
  upstream.retry.attempts_max = config.attempts_max;
  ASSIGN_OR_RETURN(const HttpUrl url, HttpUrl::parse(config.url));
  if (url.path.find('?') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "its url has a query",
                "calls append their own to it; put it into their paths");
  }
  RETURN_IF_ERROR(check_request_target(config.path));
  HttpClientOptions client;
  client.base_url = config.url;
  client.total_timeout = std::chrono::milliseconds(config.timeout_ms);
  for (const auto& [header, value] : config.headers) {
    RETURN_IF_ERROR(check_header(header, value));
    client.headers.add(header, value);
  }
  if (config.bearer) {
    ASSIGN_OR_RETURN(client.bearer, SecretReference::parse(*config.bearer));
    if (const Result<Secret> read = parts_.secrets.get(*client.bearer); !read.ok()) {
      log_warning("connectors", "calls fail until the bearer can be read",
                  {{"connector", name}, {"bearer", client.bearer->text()}, {"why", read.error().text()}});
    }
  }
  std::vector<Time> restored;
  if (config.calls_per_hour) {
    ASSIGN_OR_RETURN(restored, permits_.load(name, parts_.clock.now() - upstream.window - upstream.permit_grace));
  }
  upstreams_[name] = std::make_unique<Upstream>(upstream, parts_.clock, &permits_, restored);
  clients_[name] = std::make_unique<HttpClient>(std::move(client), *upstreams_[name], parts_.secrets, parts_.transport,
                                                parts_.blocking, parts_.clock, parts_.random);
  return std::unique_ptr<Sink>(std::make_unique<HttpSink>(*clients_[name], config.path));
}

HttpClient* Connectors::client(const std::string& name) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : found->second.get();
}

void Connectors::stop() {
  for (const auto& [name, client] : clients_) client->stop();
}

void Connectors::each_upstream(
    const std::function<void(const std::string& name, const UpstreamCounts& counts)>& each) const {
  for (const auto& [name, upstream] : upstreams_) each(name, upstream->counts());
}

}  // namespace mnema
