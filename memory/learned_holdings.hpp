// memory/learned_holdings.hpp
//
// What procedural and working memory hold of a scope (erase/holding.hpp). Runs and procedures are not exported: numbers
// tie them to the episodes of one data file, and what they say is learned again. A block is exported as one object with
// the texts that it had, and imported as a whole or not at all.
//
// Threads: as holding.hpp.
#pragma once

#include "memory/erase/holding.hpp"

namespace mnema::learned_holdings {

/// What turns did: erased with their scope, and with their first episode. What was learned from them is unlearned.
[[nodiscard]] Holding task_runs();
/// Of {tenant, agent}: with their history.
[[nodiscard]] Holding procedures();
/// Imported within the bounds of blocks. Not where another text stands under its name.
[[nodiscard]] Holding blocks();

}  // namespace mnema::learned_holdings
