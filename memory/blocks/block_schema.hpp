// memory/blocks/block_schema.hpp
//
// The tables of working memory, as a component of their own.
//
// Threads: pure function.
#pragma once

#include <vector>

#include "runtime/store/database.hpp"

namespace mnema {

[[nodiscard]] std::vector<Migration> block_migrations();

}  // namespace mnema
