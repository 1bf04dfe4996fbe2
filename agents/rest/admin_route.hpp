// agents/rest/admin_route.hpp
//
// What all routes of administration have in common: the key is checked on the loop, pages of other origins are refused
// where there are no keys, and the rest runs on an executor, one request after the other: it reads the database.
//
// Threads:   `add_admin_route` by the thread that sets up; routes as described.
// Ownership: a call is kept by whoever answers it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agents/rest/identity.hpp"
#include "connectors/http/exchange.hpp"
#include "connectors/http/routes.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

/// A request whose sender may make it.
struct AdminCall {
  HttpRequest http;
  Identity identity;
  std::shared_ptr<HttpExchange> exchange;

  void refuse(const Error& error, std::string_view param = {}) const;
  /// The tenant whose things there are for this key; "" = all.
  [[nodiscard]] std::string tenant() const { return identity.all_tenants ? "" : identity.tenant; }
};

/// Adds a route for keys of `role`. Errors and exceptions of `run` become answers.
void add_admin_route(HttpRoutes& routes, const ApiKeys& keys, std::shared_ptr<Strand> strand, const char* method,
                     const char* path, KeyRole role, std::function<void(const AdminCall&)> run);

}  // namespace mnema
