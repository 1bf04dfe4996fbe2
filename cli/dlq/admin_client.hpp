// cli/dlq/admin_client.hpp
//
// Changes dead letters by the admin routes of the server that has the data folder (agents/rest/admin_local.hpp). It
// calls one loopback address, whatever proxies the environment names, and repeats nothing.
//
// Threads: confined to one; every method waits, for as long as the server answers within 30 seconds.
#pragma once

#include <memory>
#include <string>

#include "agents/rest/admin_file.hpp"
#include "cli/dlq/letter_changes.hpp"
#include "connectors/http/curl_transport.hpp"

namespace mnema {

class AdminClient final : public LetterChanges {
 public:
  /// Errors: `kCorrupt` (the address is none), those of CurlTransport::open. Calls nothing yet.
  [[nodiscard]] static Result<std::unique_ptr<LetterChanges>> open(AdminFile server);

  Status redrive(const DeadLetterId& id, const Redrive& how) override;
  Status drop(const DeadLetterId& id) override;

 private:
  AdminClient(AdminFile server, HttpUrl url) : server_(std::move(server)), url_(std::move(url)) {}
  [[nodiscard]] Status post(const DeadLetterId& id, const std::string& action, std::string body);

  SystemClock clock_;
  const AdminFile server_;
  const HttpUrl url_;  // without a path
  std::unique_ptr<CurlTransport> transport_;
};

}  // namespace mnema
