// memory/erase_holdings.hpp
//
// The list of what memory holds of a scope (erase/holding.hpp). A new table of memory gets its place here.
//
// Threads: immutable.
#pragma once

#include <vector>

#include "memory/erase/holding.hpp"

namespace mnema {

/// In the order in which a scope is erased and exported: what is derived goes before what it is derived from.
[[nodiscard]] const std::vector<Holding>& holdings();

}  // namespace mnema
