// agents/rest/procedure_json.hpp
//
// Procedures as JSON: the same from the admin routes and from `mnema memory procedures --json`.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "memory/procedural/procedure.hpp"

namespace mnema {

[[nodiscard]] boost::json::object procedure_json(const Procedure& procedure);
[[nodiscard]] boost::json::object procedure_change_json(const ProcedureChange& change);

}  // namespace mnema
