// inference/chat/jinja_time.hpp
//
// strftime_now, as transformers defines it: Python's datetime.now().strftime(format), in the zone of the process (TZ).
//
// Source: strftime(3), and "strftime() and strptime() Behavior" of Python's library reference.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"

namespace mnema::jinja {

/// Nothing where the format is longer than 1,000 bytes, or what it makes longer than 64 KiB.
[[nodiscard]] std::optional<std::string> time_text(Time time, std::string_view format);

}  // namespace mnema::jinja
