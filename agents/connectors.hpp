// agents/connectors.hpp
//
// The HTTP APIs of the configuration, opened: what tools call, by name, what messages go out through, and the schema
// registries of sources. All agents share one upstream per connector, with its limits, breaker and retries.
//
// Threads:   `open` on the thread that sets up (it reads secrets); the others from any thread afterwards.
// Ownership: owns the clients, which the sinks it makes borrow; borrows the rest, which outlives it. `stop` before the
//            transport is stopped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/http/client.hpp"
#include "connectors/http/curl_transport.hpp"
#include "connectors/http/transport.hpp"
#include "connectors/permit_store.hpp"
#include "connectors/response_watch.hpp"
#include "connectors/schema_registry/registry.hpp"
#include "connectors/secrets_store.hpp"
#include "connectors/shape_store.hpp"
#include "connectors/upstream.hpp"
#include "runtime/config/connector_config.hpp"

namespace mnema {

class Connectors {
 public:
  struct Parts {
    Database& database;
    SecretsStore& secrets;
    HttpTransport& transport;
    Executor& blocking;
    const Clock& clock;
    Random& random;
  };
  /// To be given to Database::open with the others: what connectors keep.
  [[nodiscard]] static std::vector<Migration> migrations();

  explicit Connectors(Parts parts);
  ~Connectors();

  /// Opens a connector, and makes the sink that delivers to it. A bearer that cannot be read is a warning that names
  /// it: it may be put there while we run. Errors: `kInvalidArgument` for a URL, path or header that could never be
  /// called, or a file that is no JSON Schema; `kNotFound` for one that is not there.
  [[nodiscard]] Result<std::unique_ptr<Sink>> open(const std::string& name, const ConnectorConfig& config);
  /// Opens the schema registry of a source, over a client of its own. Errors: `kInvalidArgument`, `kNotFound` (its URL,
  /// user or certificates).
  [[nodiscard]] Result<std::shared_ptr<SchemaRegistry>> open_registry(const std::string& source,
                                                                      const SchemaRegistryConfig& config,
                                                                      Executor& home, Executor& workers,
                                                                      const Limits& limits);
  /// Null: there is no HTTP API of that name.
  [[nodiscard]] HttpClient* client(const std::string& name) const;

  /// Cancels every call in flight, tools' calls included, and refuses later ones. Never blocks.
  void stop();

  /// Of each connector whose answers are watched.
  void each_watch(const std::function<void(const std::string& name, const ResponseWatch::Counts& counts)>& each) const;
  void each_upstream(const std::function<void(const std::string& name, const UpstreamCounts& counts)>& each) const;

 private:
  Parts parts_;
  [[nodiscard]] Result<std::unique_ptr<ResponseWatch>> open_watch(const std::string& name,
                                                                  const ConnectorConfig& config);

  PermitStore permits_;
  ShapeStore shapes_;
  std::vector<std::unique_ptr<CurlTransport>> transports_;  // of registries with certificates of their own
  std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
  std::map<std::string, std::unique_ptr<ResponseWatch>> watches_;
  std::map<std::string, std::unique_ptr<HttpClient>> clients_;
};

}  // namespace mnema
