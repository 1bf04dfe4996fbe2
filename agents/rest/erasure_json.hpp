// agents/rest/erasure_json.hpp
//
// The receipt of an erasure as JSON: the same from the admin routes and from `mnema memory erase --json`.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "memory/erase/erasure.hpp"

namespace mnema {

[[nodiscard]] boost::json::object erasure_json(const Erasure& erasure);
[[nodiscard]] boost::json::object counts_json(const EraseCounts& counts);

}  // namespace mnema
