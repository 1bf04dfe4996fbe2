// connectors/http/routes.hpp
//
// Which handler answers which method and path. Patterns are literal parts and {name} parts; a last part {name...} takes
// the rest of the path, slashes included. Literal parts win over names. HEAD is answered by GET's handler, OPTIONS by
// the list of methods; an unknown path is 404, a known one with another method 405 with `Allow`. Errors have OpenAI's
// shape, which is also what a person wants to read.
//
// Threads: filled before the server starts, then immutable; `handle` on the loop thread.
#pragma once

#include <string>
#include <vector>

#include "connectors/http/exchange.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class HttpRoutes {
 public:
  /// Whether `add` can take this route: for paths that come from a configuration. Errors: `kInvalidArgument` (not a
  /// pattern), `kAlreadyExists` (this method and path, or one that differs in names only, is routed already).
  [[nodiscard]] Status check(const std::string& method, const std::string& pattern) const;
  /// Precondition (CHECKed): `check` accepts it.
  HttpRoutes& add(std::string method, std::string pattern, HttpHandler handler);

  /// Finds the handler and runs it. An exception out of a handler is logged and answered with 500.
  void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) const;

 private:
  struct Part {
    std::string text;  // literal, or the parameter's name
    bool is_name = false;
    bool takes_rest = false;
  };
  struct Route {
    std::string method;
    std::vector<Part> parts;
    HttpHandler handler;
  };
  [[nodiscard]] static Result<std::vector<Part>> parse(const std::string& pattern);
  [[nodiscard]] const Route* find(const HttpRequest& request, std::string_view method,
                                  std::map<std::string, std::string, std::less<>>* parameters) const;

  std::vector<Route> routes_;
};

}  // namespace mnema
