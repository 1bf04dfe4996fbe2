// agents/rest/block_json.hpp
//
// Blocks of working memory as JSON: the same from the admin routes and from `mnema memory blocks --json`.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "memory/blocks/block.hpp"

namespace mnema {

[[nodiscard]] boost::json::object block_json(const Block& block);

}  // namespace mnema
