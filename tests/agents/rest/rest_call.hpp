// tests/agents/rest/rest_call.hpp
//
// A request to the routes of a simulated program, as a client with a key would send it.
//
// Threads: the test's.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "connectors/http/routes.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/connectors/support.hpp"

namespace mnema::testing {

/// `target`: path and query. `key`: empty for none.
inline HttpRequest request_with_key(const std::string& method, const std::string& target, const std::string& key,
                                    std::string body = "") {
  HttpRequest request;
  request.method = method;
  request.path = target.substr(0, target.find('?'));
  if (target.find('?') != std::string::npos) request.query = target.substr(target.find('?') + 1);
  if (!key.empty()) request.headers.add("Authorization", "Bearer " + key);
  request.body = std::move(body);
  return request;
}

/// Runs the simulation until it is answered.
inline std::shared_ptr<MemoryExchange> answer_to(HttpRequest request, HttpRoutes& routes, Simulation& simulation) {
  auto exchange = std::make_shared<MemoryExchange>();
  routes.handle(std::move(request), exchange);
  simulation.run_until([&] { return exchange->status() != 0; });
  return exchange;
}

}  // namespace mnema::testing
