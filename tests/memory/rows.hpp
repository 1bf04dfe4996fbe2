// tests/memory/rows.hpp
//
// Memory's tables in a database on one thread, over a disk that forgets what was not synced: what the `*_store` parts
// work on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "memory/scope_store.hpp"
#include "memory/store.hpp"
#include "memory/text_index_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema::testing {

class Rows {
 public:
  explicit Rows(std::uint64_t seed = 1) : simulation(seed), disk(seed) { open_database(); }
  ~Rows() { power_cut(); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  void open_database() {
    Database::Options options;
    options.path = "/mnema.db";
    options.vfs = disk.name();
    auto opened = Database::open(options, memory_migrations(), simulation.lane("store"), simulation.clock());
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    database = std::move(*opened);
  }

  /// The power goes; what was not synced may be gone. What stands on the database goes before.
  void power_cut() {
    disk.crash(simulation.random());
    simulation.crash();
    database.reset();
    simulation.crash();
  }

  /// Runs until `ask` has its answer.
  template <class T>
  Result<T> answered(const std::function<void(std::function<void(Result<T>)>)>& ask) {
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    ask([answer](Result<T> result) { *answer = std::move(result); });
    simulation.run_until([&] { return answer->has_value(); });
    if (!answer->has_value()) return fail(ErrorCode::kInternal, "nobody answered");
    return std::move(**answer);
  }

  /// One unit of work.
  template <class T>
  Result<T> write(std::function<Result<T>(Transaction&)> unit) {
    return answered<T>([&](std::function<void(Result<T>)> on_done) {
      database->write<T>(WritePriority::kForeground, std::move(unit), simulation.lane("loop"), std::move(on_done));
    });
  }
  template <class T>
  Result<T> read(const std::function<Result<T>(Transaction&)>& query) {
    return database->read<T>(query);
  }

  /// The tenant's table of words, as it stands before rows come to it.
  ScopeKey prepare(const Scope& scope) {
    return write<ScopeKey>([&](Transaction& transaction) -> Result<ScopeKey> {
             ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
             ASSIGN_OR_RETURN(const bool there, text_index_store::has_table(transaction, where.tenant));
             if (!there) RETURN_IF_ERROR(text_index_store::make_table(transaction, where.tenant, terms.format()));
             return where;
           })
        .value();
  }

  /// Changes rows behind memory's back.
  void execute(const std::string& sql) {
    const Result<int> done = write<int>([&](Transaction& transaction) -> Result<int> {
      RETURN_IF_ERROR(transaction.connection().execute(sql));
      return 0;
    });
    CHECK(done.ok(), sql.c_str());
  }
  /// The one number that `sql` selects.
  std::int64_t number(const std::string& sql) {
    return read<std::int64_t>([&](Transaction& transaction) -> Result<std::int64_t> {
             ASSIGN_OR_RETURN(Statement select, transaction.prepare(sql));
             ASSIGN_OR_RETURN(const bool row, select.step());
             return row ? select.integer(0) : -1;
           })
        .value();
  }

  Simulation simulation;
  FaultVfs disk;
  std::unique_ptr<Database> database;
  const TermMaker terms = TermMaker::make("english").value();
};

}  // namespace mnema::testing
