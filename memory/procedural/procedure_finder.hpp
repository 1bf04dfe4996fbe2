// memory/procedural/procedure_finder.hpp
//
// Which procedure a turn is shown (procedure_store.hpp says which may be shown to whom): the one whose words fit the
// task best, an operator's before all others; of an event also the one that most successes of its type were. Where two
// ways fit alike, none.
//
// Threads: inside Database::read.
#pragma once

#include <optional>

#include "memory/procedural/procedure.hpp"
#include "memory/text_terms.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// `maker`: of the stemmed words.
[[nodiscard]] Result<std::optional<Procedure>> find_procedure(Transaction& transaction, const ProcedureQuery& query,
                                                              const TermMaker& maker, const ProcedureLimits& limits);

}  // namespace mnema
