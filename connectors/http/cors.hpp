// connectors/http/cors.hpp
//
// What pages of other origins may do. By default nothing: a browser that sends a foreign `Origin` is refused before the
// handler sees the request, because a server on loopback without keys is otherwise open to every page its user visits.
// A configured origin (or "*") is let in and told so. A page that calls under a name of its own is stopped by
// host_check.hpp.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "connectors/http/message.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Refuses a request that a page of another origin makes; requests without `Origin` come from no page.
/// `allowed` is "" (none), "*" or one origin. Errors: `kPermissionDenied`.
[[nodiscard]] Status check_origin(const HttpRequest& request, const std::string& allowed);

[[nodiscard]] bool is_preflight(const HttpRequest& request);
[[nodiscard]] HttpResponse preflight_response(const HttpRequest& request);

/// The header fields that let the page read the answer.
void add_cors_headers(HttpHeaders& headers, const std::string& allowed);

}  // namespace mnema
