// agents/rest/fact_json.hpp
//
// Facts and conflicts as JSON: the same from the admin routes and from `mnema memory --json`.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "memory/semantic/fact.hpp"

namespace mnema {

[[nodiscard]] boost::json::object fact_json(const Fact& fact);
[[nodiscard]] boost::json::object fact_conflict_json(const FactConflict& conflict);

}  // namespace mnema
