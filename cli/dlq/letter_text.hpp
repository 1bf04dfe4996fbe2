// cli/dlq/letter_text.hpp
//
// How a dead letter looks on a terminal and as JSON. Payloads that are JSON are shown as JSON, others as text; bytes
// that are not UTF-8 are named by their number only, so that no terminal gets what a stranger sent.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "runtime/dead_letters.hpp"

namespace mnema {

/// "2026-11-25T08:30:00Z"
[[nodiscard]] std::string utc_text(Time time);

[[nodiscard]] boost::json::object to_json(const DeadLetterSummary& summary);
[[nodiscard]] boost::json::object to_json(const DeadLetter& letter);

/// One line of a list, without its end.
[[nodiscard]] std::string line_of(const DeadLetterSummary& summary);
/// The whole story, several lines.
[[nodiscard]] std::string story_of(const DeadLetter& letter);

}  // namespace mnema
