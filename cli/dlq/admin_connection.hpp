// cli/dlq/admin_connection.hpp
//
// Calls of the admin routes of the server that has a data folder (agents/rest/admin_local.hpp): one loopback address,
// whatever proxies the environment names, and nothing is repeated.
//
// Threads: confined to one; `call` waits, for as long as the server answers within 30 seconds.
#pragma once

#include <memory>
#include <string>

#include "agents/rest/admin_file.hpp"
#include "connectors/http/curl_transport.hpp"

namespace mnema {

class AdminConnection {
 public:
  /// Errors: `kCorrupt` (the address is none), those of CurlTransport::open. Calls nothing yet.
  [[nodiscard]] static Result<std::unique_ptr<AdminConnection>> open(AdminFile server);

  /// The body of an answer of success. `target`: path and query. `what` names, in errors, what may have changed; "" =
  /// nothing may. Errors: the server's own, by its status; `kUnavailable` (it does not answer: nothing was changed),
  /// `kInDoubt` (it ended before it answered).
  [[nodiscard]] Result<std::string> call(const std::string& method, const std::string& target, std::string body,
                                         const std::string& what);
  [[nodiscard]] const std::string& address() const { return server_.address; }

 private:
  AdminConnection(AdminFile server, HttpUrl url) : server_(std::move(server)), url_(std::move(url)) {}

  SystemClock clock_;
  const AdminFile server_;
  const HttpUrl url_;  // without a path
  std::unique_ptr<CurlTransport> transport_;
};

/// What the server at `address` says is wrong in an answer: its own sentence, under the code that the same change would
/// end with here.
[[nodiscard]] Error refusal_of(int status, const std::string& text, const std::string& address);

/// Any bytes, as a query or a part of a path holds them.
[[nodiscard]] std::string percent_encoded(const std::string& text);

}  // namespace mnema
