// connectors/http/date.hpp
//
// HTTP dates (RFC 9110 §5.6.7), of which three forms are to be read:
//   "Sun, 06 Nov 1994 08:49:37 GMT"   (written too)
//   "Sunday, 06-Nov-94 08:49:37 GMT"  RFC 850, with two digits of the year
//   "Sun Nov  6 08:49:37 1994"        asctime
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"

namespace mnema {

/// Whole seconds, rounded down.
[[nodiscard]] std::string http_date(Time time);

/// Reads any of the three. A year of two digits is the one of this century, or of the last if that would be more than
/// 50 years after `now`.
[[nodiscard]] std::optional<Time> parse_http_date(std::string_view text, Time now);

}  // namespace mnema
