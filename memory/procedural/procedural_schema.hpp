// memory/procedural/procedural_schema.hpp
//
// The tables of procedural memory, as a component of their own.
//
// Threads: pure function.
#pragma once

#include <vector>

#include "runtime/store/database.hpp"

namespace mnema {

[[nodiscard]] std::vector<Migration> procedural_migrations();

}  // namespace mnema
