// runtime/events/event_deadline.hpp
//
// Until when an event may begin and end its turn, and where it says so: in `Event::deadline`, or as CloudEvents'
// attribute `expirytime` (RFC 3339; cloudevents/spec, extensions/expirytime.md), which every source may pass on among
// the attributes.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

/// "2026-11-26T09:30:00Z", "2026-11-26T10:30:00.25+01:00". Errors: `kInvalidArgument`.
[[nodiscard]] Result<Time> parse_rfc3339(std::string_view text);

/// Sets the deadline of an event that has none: from its attribute, else `after` from `now` on, if there is such.
/// Errors: `kInvalidArgument` (the attribute is no such time).
[[nodiscard]] Status complete_deadline(Event& event, std::optional<Duration> after, Time now);

/// Why an event is a dead letter: `kDeadlineExceeded`.
[[nodiscard]] Error deadline_passed(Time deadline, bool had_begun);

}  // namespace mnema
