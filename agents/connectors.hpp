// agents/connectors.hpp
//
// The connectors of the configuration, opened: what outbox messages go to and what tools call, by name. All agents
// share one upstream per connector, with its limits, breaker and retries.
//
// Threads:   `open` once, on the thread that sets up (it reads secrets); the others from any thread afterwards.
// Ownership: owns clients and sinks; borrows the rest, which outlives it. `stop` before the transport is stopped.
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
#include "runtime/config.hpp"

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

  /// A bearer that cannot be read is a warning that names it: it may be put there while we run. Errors, naming the
  /// connector: those of FileSink::open; `kInvalidArgument` for a URL, path or header that could never be called.
  [[nodiscard]] Status open(const std::map<std::string, ConnectorConfig>& configs);
  /// Null: there is none of that name.
  [[nodiscard]] Sink* sink(const std::string& name) const;
  [[nodiscard]] HttpClient* client(const std::string& name) const;  // null also for one that is no HTTP API

  /// Cancels every call and delivery in flight, tools' calls included, and refuses later ones. Never blocks.
  void stop();

  void each_upstream(const std::function<void(const std::string& name, const UpstreamCounts& counts)>& each) const;

 private:
  [[nodiscard]] Status open_file(const std::string& name, const ConnectorConfig& config);
  [[nodiscard]] Status open_http(const std::string& name, const ConnectorConfig& config);

  Parts parts_;
  PermitStore permits_;
  std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
  std::map<std::string, std::unique_ptr<HttpClient>> clients_;
  std::map<std::string, std::unique_ptr<Sink>> sinks_;
};

}  // namespace mnema
