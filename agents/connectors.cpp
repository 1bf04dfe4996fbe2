#include "agents/connectors.hpp"

#include <fstream>
#include <iterator>

#include "connectors/http/path.hpp"
#include "connectors/http/request_check.hpp"
#include "connectors/http/url.hpp"
#include "connectors/http_sink.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

namespace {

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) return fail(ErrorCode::kNotFound, "the file '" + path + "' cannot be read");
  return text;
}

}  // namespace

std::vector<Migration> Connectors::migrations() {
  std::vector<Migration> all = PermitStore::migrations();
  for (Migration& migration : ShapeStore::migrations()) all.push_back(std::move(migration));
  return all;
}

Connectors::Connectors(Parts parts)
    : parts_(parts), permits_(parts.database, std::chrono::hours(1)), shapes_(parts.database, parts.blocking) {}

Result<std::unique_ptr<ResponseWatch>> Connectors::open_watch(const std::string& name, const ConnectorConfig& config) {
  std::vector<ResponseWatch::Pinned> pinned;
  for (const auto& [call, path] : config.schemas) {
    ASSIGN_OR_RETURN(const std::string text, read_file(path));
    JsonBounds bounds;
    bounds.exact_integers = true;
    ASSIGN_OR_RETURN(const boost::json::value schema, parse_bounded_json(text, "the schema '" + path + "'", bounds));
    Result<JsonSchema> compiled = JsonSchema::compile(schema);
    if (!compiled.ok()) {
      Error error = compiled.error();
      error.message = "the file '" + path + "' is no schema: " + error.message;
      return error;
    }
    pinned.push_back({call, std::move(*compiled)});
  }
  ResponseWatchOptions options;
  options.connector = name;
  options.policy = drift_policy_of(config.drift);
  ASSIGN_OR_RETURN(auto restored, shapes_.load(name));
  return std::make_unique<ResponseWatch>(std::move(options), std::move(pinned), std::move(restored), &shapes_);
}

Connectors::~Connectors() {
  for (const auto& transport : transports_) transport->stop();
}

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
  ASSIGN_OR_RETURN(watches_[name], open_watch(name, config));
  client.watch = watches_[name].get();
  std::vector<Time> restored;
  if (config.calls_per_hour) {
    ASSIGN_OR_RETURN(restored, permits_.load(name, parts_.clock.now() - upstream.window - upstream.permit_grace));
  }
  upstreams_[name] = std::make_unique<Upstream>(upstream, parts_.clock, &permits_, restored);
  clients_[name] = std::make_unique<HttpClient>(std::move(client), *upstreams_[name], parts_.secrets, parts_.transport,
                                                parts_.blocking, parts_.clock, parts_.random);
  return std::unique_ptr<Sink>(std::make_unique<HttpSink>(*clients_[name], config.path));
}

Result<std::shared_ptr<SchemaRegistry>> Connectors::open_registry(const std::string& source,
                                                                  const SchemaRegistryConfig& config, Executor& home,
                                                                  Executor& workers, const Limits& limits) {
  // A name that no connector has, as it has a colon.
  const std::string name = "registry:" + source;
  UpstreamOptions upstream;
  upstream.name = name;
  upstream.retry.attempts_max = 2;  // the source waits and asks again by itself
  ASSIGN_OR_RETURN(const HttpUrl url, HttpUrl::parse(config.url));
  if (url.path.find('?') != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "the url of its registry has a query", "leave it out");
  }
  HttpClientOptions client;
  client.base_url = config.url;
  client.total_timeout = std::chrono::seconds(20);
  client.read_timeout = std::chrono::seconds(10);
  client.response_bytes_max = 8 << 20;
  if (config.password) {
    ASSIGN_OR_RETURN(client.bearer, SecretReference::parse(*config.password));
    client.basic_user = config.user;
    if (config.user.find(':') != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "the user of its registry has a ':', which ends the name in a login");
    }
  }
  HttpTransport* transport = &parts_.transport;
  if (!config.ca.empty()) {
    CurlTransportOptions options = CurlTransportOptions::from_environment();
    options.ca_file = config.ca;
    ASSIGN_OR_RETURN(std::unique_ptr<CurlTransport> own, CurlTransport::open(std::move(options), parts_.clock));
    transport = transports_.emplace_back(std::move(own)).get();
  }
  upstreams_[name] = std::make_unique<Upstream>(upstream, parts_.clock);
  clients_[name] = std::make_unique<HttpClient>(std::move(client), *upstreams_[name], parts_.secrets, *transport,
                                                parts_.blocking, parts_.clock, parts_.random);
  SchemaRegistryOptions options;
  options.name = source;
  return std::make_shared<SchemaRegistry>(std::move(options),
                                          SchemaRegistry::Parts{*clients_[name], home, workers, parts_.clock, limits});
}

HttpClient* Connectors::client(const std::string& name) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : found->second.get();
}

void Connectors::stop() {
  for (const auto& [name, client] : clients_) client->stop();
}

void Connectors::each_watch(
    const std::function<void(const std::string& name, const ResponseWatch::Counts& counts)>& each) const {
  for (const auto& [name, watch] : watches_) each(name, watch->counts());
}

void Connectors::each_upstream(
    const std::function<void(const std::string& name, const UpstreamCounts& counts)>& each) const {
  for (const auto& [name, upstream] : upstreams_) each(name, upstream->counts());
}

}  // namespace mnema
