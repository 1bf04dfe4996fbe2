// agents/rest/recall_hit_json.hpp
//
// A recalled entry as JSON: the same from the admin routes and from `mnema memory search --json`.
//
// Threads: pure function.
#pragma once

#include <boost/json/object.hpp>

#include "memory/record.hpp"

namespace mnema {

/// `explains`: with how it came to its place.
[[nodiscard]] boost::json::object recall_hit_json(const RecallHit& hit, bool explains);

}  // namespace mnema
