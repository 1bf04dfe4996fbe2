// memory/procedural/procedure_rows_store.hpp
//
// The rows of procedures and of what they were learned from, for procedure_store.hpp and procedure_finder.hpp.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "memory/procedural/procedure.hpp"
#include "memory/procedural/task_terms.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::procedure_rows_store {

struct Row {
  Procedure procedure;  // without its scope and its evidence
  ScopeId scope = 0;
  int strikes = 0;
};

/// "SELECT ... FROM memory_procedures", for `rows_of`.
[[nodiscard]] std::string_view selecting();
[[nodiscard]] Result<std::vector<Row>> rows_of(Statement& select);
[[nodiscard]] Result<std::optional<Row>> load(Transaction& transaction, ProcedureId id);
[[nodiscard]] Result<std::vector<TaskRunId>> evidence_of(Transaction& transaction, ProcedureId id);

/// One person, or where nobody is known one conversation or key.
[[nodiscard]] std::string owner_name(const std::string& user, const std::string& session);

/// The words of the runs that it was learned from, and whose they were.
struct Learned {
  TermProfile profile;
  std::set<std::string> owners;  // owner_name
};
[[nodiscard]] Result<Learned> read_learned(Transaction& transaction, ProcedureId id);
/// What these runs did, oldest first.
[[nodiscard]] Result<std::vector<std::vector<TaskStep>>> read_steps(Transaction& transaction, ProcedureId id);

[[nodiscard]] Status save(Transaction& transaction, const Row& row, Time now);
/// An entry in its history, of which the newest kChangesMax are kept.
inline constexpr int kChangesMax = 50;
[[nodiscard]] Status note(Transaction& transaction, ProcedureId id, const std::string& what, Time now);
/// With its history and evidence; the runs stay.
[[nodiscard]] Status remove(Transaction& transaction, ProcedureId id);

}  // namespace mnema::procedure_rows_store
