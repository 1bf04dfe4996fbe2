// agents/rest/dead_letter_json.hpp
//
// A dead letter as JSON: the same from the admin routes and from `mnema dlq --json`. Payloads that are JSON stand as
// JSON, others as text; bytes that are not UTF-8 are named by their number only.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "runtime/events/dead_letters.hpp"

namespace mnema {

/// "2026-11-25T08:30:00Z"
[[nodiscard]] std::string utc_text(Time time);

/// As in a list.
[[nodiscard]] boost::json::object dead_letter_json(const DeadLetterSummary& summary);
/// The same members, and all that is known beside them.
[[nodiscard]] boost::json::object dead_letter_json(const DeadLetter& letter);

}  // namespace mnema
