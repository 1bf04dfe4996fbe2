// agents/connectors.hpp
//
// The HTTP APIs of the configuration, opened: what tools call, by name, and what messages go out through. All agents
// share one upstream per connector, with its limits, breaker and retries.
//
// Threads:   `open` on the thread that sets up (it reads secrets); the others from any thread afterwards.
// Ownership: owns the clients, which the sinks it makes borrow; borrows the rest, which outlives it. `stop` before the
//            transport is stopped.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/http/client.hpp"
#include "connectors/http/transport.hpp"
#include "connectors/permit_store.hpp"
#include "connectors/secrets_store.hpp"
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
  explicit Connectors(Parts parts);

  /// Opens a connector, and makes the sink that delivers to it. A bearer that cannot be read is a warning that names
  /// it: it may be put there while we run. Errors: `kInvalidArgument` for a URL, path or header that could never be
  /// called.
  [[nodiscard]] Result<std::unique_ptr<Sink>> open(const std::string& name, const ConnectorConfig& config);
  /// Null: there is no HTTP API of that name.
  [[nodiscard]] HttpClient* client(const std::string& name) const;

  /// Cancels every call in flight, tools' calls included, and refuses later ones. Never blocks.
  void stop();

  void each_upstream(const std::function<void(const std::string& name, const UpstreamCounts& counts)>& each) const;

 private:
  Parts parts_;
  PermitStore permits_;
  std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
  std::map<std::string, std::unique_ptr<HttpClient>> clients_;
};

}  // namespace mnema
