// agents/host/connector_kinds.hpp
//
// The kinds of sources and sinks that a program has, each registered by one line, with what its members are made of.
// Which keys a kind has in a configuration is said in runtime/config/source_config.cpp and
// runtime/config/connector_config.cpp.
//
// Threads:   the thread that sets up.
// Ownership: what is made borrows the parts, which outlive it.
#pragma once

#include <string>
#include <vector>

#include "agents/connectors.hpp"
#include "connectors/connector_registry.hpp"
#include "connectors/http/routes.hpp"
#include "connectors/secrets_store.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct ConnectorKindParts {
  Connectors& connectors;
  Database& database;
  Mailbox& mailbox;
  SecretsStore& secrets;
  HttpRoutes& routes;        // where webhooks are mounted; the API's own are there before sources are opened
  bool is_loopback = false;  // nobody outside this machine can send
  std::vector<std::string> stateful_agents;  // whose keys must stay on this node
  Executor& home;                            // waits by the clock
  Loop& loop;
  Executor& workers;
  Executor& blocking;
  const Clock& clock;
  Random& random;
  const Limits& limits;
};

void add_connector_kinds(ConnectorRegistry& registry, const ConnectorKindParts& parts);

}  // namespace mnema
