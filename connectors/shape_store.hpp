// connectors/shape_store.hpp
//
// Learned shapes of answers as rows, so that a change is noticed across a restart too. The last one that was kept for a
// call counts; if it could not be written, an older one is there after the next start, and a change is told again.
//
// Threads:   `keep` from any thread; `load` not on the loop (it reads).
// Ownership: borrows the database and the executor that hears of writes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "connectors/response_watch.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class ShapeStore final : public ShapeLog {
 public:
  ShapeStore(Database& database, Executor& reply_to) : database_(database), reply_to_(reply_to) {}

  /// To be given to Database::open with the others.
  [[nodiscard]] static std::vector<Migration> migrations();

  /// By call. A row that cannot be read is left out: its shape is learned anew.
  [[nodiscard]] Result<std::map<std::string, JsonShape>> load(const std::string& connector);

  void keep(const std::string& connector, const std::string& call, const JsonShape& shape) override;

 private:
  Database& database_;
  Executor& reply_to_;
};

}  // namespace mnema
