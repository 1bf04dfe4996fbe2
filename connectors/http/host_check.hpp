// connectors/http/host_check.hpp
//
// Which names a server on loopback answers to. A page of evil.example can have its own name resolve to 127.0.0.1 (DNS
// rebinding); to the browser it then talks to its own origin, and neither CORS nor the `Origin` check (cors.hpp) sees
// anything foreign. What gives it away is the `Host` field, which still says evil.example. So a server that is bound to
// loopback, where no key is needed, answers only requests for a loopback host.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "connectors/http/message.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// "localhost", any 127.0.0.0/8 address, or "::1", with or without brackets. No port.
[[nodiscard]] bool is_loopback_host(std::string_view host);

/// Refuses a request whose `Host` names something else than this machine's loopback; a port may follow. A request
/// without `Host` (HTTP/1.0) comes from no browser. Errors: `kPermissionDenied`.
[[nodiscard]] Status check_loopback_host(const HttpRequest& request);

}  // namespace mnema
