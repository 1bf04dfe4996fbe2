// cli/dlq/admin_client.hpp
//
// Changes dead letters by the admin routes of the server that has the data folder (admin_connection.hpp).
//
// Threads: confined to one; every method waits, for as long as the server answers within 30 seconds.
#pragma once

#include <memory>
#include <string>

#include "agents/rest/admin_file.hpp"
#include "cli/dlq/admin_connection.hpp"
#include "cli/dlq/letter_changes.hpp"

namespace mnema {

class AdminClient final : public LetterChanges {
 public:
  /// Errors: `kCorrupt` (the address is none), those of CurlTransport::open. Calls nothing yet.
  [[nodiscard]] static Result<std::unique_ptr<LetterChanges>> open(AdminFile server);

  Status redrive(const DeadLetterId& id, const Redrive& how) override;
  Status drop(const DeadLetterId& id) override;
  Result<BulkChange> redrive_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count,
                                 const Redrive& how) override;
  Result<BulkChange> drop_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count) override;

 private:
  explicit AdminClient(std::unique_ptr<AdminConnection> connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<BulkChange> change_all(const std::string& action, const DeadLetterFilter& filter,
                                              const DeadLetterId& after, int count, std::string body);

  const std::unique_ptr<AdminConnection> connection_;
};

}  // namespace mnema
