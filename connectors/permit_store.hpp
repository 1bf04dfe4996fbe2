// connectors/permit_store.hpp
//
// Permits of hourly limits as rows, so that "100 per hour" holds across a crash. A row is committed before its call
// leaves and removed when it is older than the longest window and the grace with it, for as long as it counts.
//
// Threads:   `append` from any thread; `load` not on the loop (it reads).
// Ownership: borrows the database.
#pragma once

#include <string>
#include <vector>

#include "connectors/upstream.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class PermitStore final : public PermitLog {
 public:
  /// `window_max` and `grace_max` are the longest of all upstreams that keep their permits here.
  PermitStore(Database& database, Duration window_max, Duration grace_max = UpstreamOptions{}.permit_grace)
      : database_(database), kept_(window_max + grace_max) {}

  /// To be given to Database::open with the others.
  [[nodiscard]] static std::vector<Migration> migrations();

  /// Permits of `upstream` not older than `since`, oldest first.
  [[nodiscard]] Result<std::vector<Time>> load(const std::string& upstream, Time since);

  void append(const std::string& upstream, Time permitted_at, Executor& reply_to,
              std::function<void(Status)> done) override;

 private:
  Database& database_;
  const Duration kept_;
};

}  // namespace mnema
