// agents/connectors.hpp
//
// The connectors of the configuration, opened: what outbox messages go to and what tools call, by name. All agents
// share one upstream per connector, with its limits, breaker and retries.
//
// Threads:   `open` once, on the thread that sets up; `sink` and `client` from any thread afterwards.
// Ownership: owns clients and sinks; borrows the rest, which outlives it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/http/client.hpp"
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
    Executor& blocking;
    const Clock& clock;
    Random& random;
  };
  explicit Connectors(Parts parts);

  /// Errors: those of FileSink::open, and `kInvalidArgument`, naming the connector.
  [[nodiscard]] Status open(const std::map<std::string, ConnectorConfig>& configs);
  /// Null: there is none of that name.
  [[nodiscard]] Sink* sink(const std::string& name) const;
  [[nodiscard]] HttpClient* client(const std::string& name) const;  // null also for one that is no HTTP API
  void each_upstream(const std::function<void(const std::string&, const UpstreamCounts&)>& visit) const {
    for (const auto& [name, upstream] : upstreams_) visit(name, {});
  }

 private:
  Parts parts_;
  PermitStore permits_;
  std::map<std::string, std::unique_ptr<Upstream>> upstreams_;
  std::map<std::string, std::unique_ptr<HttpClient>> clients_;
  std::map<std::string, std::unique_ptr<Sink>> sinks_;
};

}  // namespace mnema
