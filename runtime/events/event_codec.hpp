// runtime/events/event_codec.hpp
//
// An event's fields as one JSON text and back, for tables that keep events whole (timers). The payload is not among
// them: it may be any bytes, and has a column of its own.
//
// Invariant: decode(encode(event)) == event without its data.
// Threads: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

/// Precondition: the fields are UTF-8 (the mailbox takes no others).
[[nodiscard]] std::string encode_event_fields(const Event& event);
/// Errors: `kCorrupt`.
[[nodiscard]] Result<Event> decode_event_fields(std::string_view text);

/// The attributes alone, as a JSON object. Errors: `kCorrupt`.
[[nodiscard]] std::string encode_attributes(const std::map<std::string, std::string>& attributes);
[[nodiscard]] Result<std::map<std::string, std::string>> decode_attributes(std::string_view text);

/// Whether an event may be stored at all: id and source there, fields in UTF-8 and not absurdly long, payload within
/// `bytes_max`. Errors: `kInvalidArgument`.
[[nodiscard]] Status check_event(const Event& event, std::int64_t bytes_max);

}  // namespace mnema
