// connectors/http/date.hpp
//
// HTTP dates: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/clock.hpp"

namespace mnema {

/// Whole seconds, rounded down.
[[nodiscard]] std::string http_date(Time time);

/// Reads the form above; the two obsolete forms are not read, nobody sends them any more.
[[nodiscard]] std::optional<Time> parse_http_date(std::string_view text);

}  // namespace mnema
