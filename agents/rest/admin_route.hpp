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
#include <utility>

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

/// Adds routes that run on one strand and share their parts (of which `keys` and `executor` are two), which they keep.
template <class Parts>
class AdminRoutes {
 public:
  AdminRoutes(HttpRoutes& routes, std::shared_ptr<const Parts> parts)
      : routes_(routes), parts_(std::move(parts)), strand_(std::make_shared<Strand>(parts_->executor)) {}

  void add(const char* method, const char* path, KeyRole role, void (*route)(const Parts&, const AdminCall&)) const {
    add_admin_route(routes_, parts_->keys, strand_, method, path, role,
                    [parts = parts_, route](const AdminCall& call) { route(*parts, call); });
  }

 private:
  HttpRoutes& routes_;
  const std::shared_ptr<const Parts> parts_;
  const std::shared_ptr<Strand> strand_;
};

}  // namespace mnema
