// connectors/http/url.hpp
//
// The parts of an http(s) URL, and through which proxy it is reached.
//
// Threads: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

struct HttpUrl {
  bool is_https = false;
  std::string host;  // in lower case; without the brackets of an IPv6 address
  int port = 80;
  std::string path;  // with the query; "" or beginning with '/'

  /// The scheme in any case; a fragment is dropped. Errors: `kInvalidArgument` (not http or https, no host or none that
  /// can be, a user name in it, which belongs into a secret, a path that path.hpp refuses).
  [[nodiscard]] static Result<HttpUrl> parse(std::string_view text);
  /// "https://host:port"
  [[nodiscard]] std::string origin() const;
};

/// `location` of a redirect, seen from `base`.
[[nodiscard]] Result<HttpUrl> resolve(const HttpUrl& base, std::string_view location);

/// The proxy for `url` by the usual variables (https_proxy, http_proxy, all_proxy, no_proxy; lower case first), or
/// none. `environment` gives a variable's value or null.
[[nodiscard]] std::optional<HttpUrl> proxy_for(const HttpUrl& url,
                                               const std::function<const char*(const char*)>& environment);

}  // namespace mnema
