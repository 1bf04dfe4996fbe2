// runtime/base/json.hpp
//
// JSON from outside, inside bounds; and the one canonical text of a value, for hashes.
//
// Threads: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct JsonBounds {
  std::int64_t bytes_max = Limits{}.http_body_bytes_max;
  std::int64_t depth_max = Limits{}.json_depth_max;
};

/// For texts that this program wrote itself (journal, states, sessions): what went in must come out again.
inline constexpr JsonBounds kWrittenByUs{std::int64_t{1} << 40, 512};

/// Parses one JSON value (RFC 8259; UTF-8; nothing after it). An object with the same member twice is refused, because
/// two readers would see two different values. `what` names the text in errors ("request body").
/// Errors: `kInvalidArgument`, with line and column.
[[nodiscard]] Result<boost::json::value> parse_bounded_json(std::string_view text, std::string_view what,
                                                            const JsonBounds& bounds = {});

/// Members sorted by their bytes, no blanks, numbers in their shortest form (3.0 is written as 3): equal values give
/// equal bytes.
[[nodiscard]] std::string canonical_json(const boost::json::value& value);

/// Hex SHA-256 of the canonical text.
[[nodiscard]] std::string json_hash(const boost::json::value& value);

/// `token` as one part of a JSON pointer (RFC 6901): '~' and '/' escaped.
[[nodiscard]] std::string json_pointer_token(std::string_view token);

}  // namespace mnema
