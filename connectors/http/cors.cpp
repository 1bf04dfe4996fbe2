#include "connectors/http/cors.hpp"

namespace mnema {

Status check_origin(const HttpRequest& request, const std::string& allowed) {
  std::string_view origin = request.headers.get("origin");
  if (!request.headers.has("origin") || allowed == "*" || origin == allowed) return {};
  std::size_t scheme = origin.find("://");
  if (scheme != std::string_view::npos && equal_ignoring_case(origin.substr(scheme + 3), request.headers.get("host"))) {
    return {};  // our own pages: the Host is ours, see host_check.hpp
  }
  return fail(ErrorCode::kPermissionDenied, "pages of origin '" + std::string(origin) + "' may not call this server",
              "set cors_origin to that origin to allow it");
}

bool is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && request.headers.has("origin") &&
         request.headers.has("access-control-request-method");
}

HttpResponse preflight_response(const HttpRequest& request) {
  HttpResponse response;
  response.status = 204;
  response.headers.add("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS");
  std::string_view wanted = request.headers.get("access-control-request-headers");
  if (!wanted.empty()) response.headers.add("access-control-allow-headers", std::string(wanted));
  response.headers.add("access-control-max-age", "600");
  return response;
}

void add_cors_headers(HttpHeaders& headers, const std::string& allowed) {
  if (allowed.empty()) return;
  headers.set("access-control-allow-origin", allowed);
  headers.set("access-control-expose-headers", "x-request-id, retry-after, retry-after-ms");
  if (allowed != "*") headers.set("vary", "origin");
}

}  // namespace mnema
