// runtime/runtime_schema.hpp
//
// The tables of this folder, as numbered migrations of the component "runtime". What each column means is said by the
// store that uses it.
//
// Threads: pure function.
#pragma once

#include <vector>

#include "runtime/store/database.hpp"

namespace mnema {

/// To be given to Database::open with the others.
[[nodiscard]] std::vector<Migration> runtime_migrations();

}  // namespace mnema
