// runtime/base/json.hpp
//
// JSON from outside, inside bounds; and the one canonical text of a value, for hashes.
//
// Threads: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct JsonBounds {
  std::int64_t bytes_max = Limits{}.http_body_bytes_max;
  std::int64_t depth_max = Limits{}.json_depth_max;
  bool exact_integers = false;  // those beyond 64 bits keep their digits (exact_integer), else they become doubles
};

/// For texts that this program wrote itself (journal, states, sessions): what went in must come out again.
inline constexpr JsonBounds kWrittenByUs{std::int64_t{1} << 40, 512};

/// Parses one JSON value (RFC 8259; UTF-8; nothing after it). An object with the same member twice is refused, because
/// two readers would see two different values. `what` names the text in errors ("request body").
/// Errors: `kInvalidArgument`, with line and column.
[[nodiscard]] Result<boost::json::value> parse_bounded_json(std::string_view text, std::string_view what,
                                                            const JsonBounds& bounds = {});

/// The digits of an integer that no 64 bits hold, in a value that was parsed with `exact_integers`; none: it is
/// something else. Boost.JSON has no such number: it is an object there, with one member whose name no text can have.
[[nodiscard]] std::optional<std::string_view> exact_integer(const boost::json::value& value);

/// `value` with such integers as the doubles next to them, for readers that know no others.
[[nodiscard]] boost::json::value with_doubles(boost::json::value value);

/// Members sorted by their bytes, no blanks, numbers in their shortest form (3.0 is written as 3): equal values give
/// equal bytes.
[[nodiscard]] std::string canonical_json(const boost::json::value& value);

/// Members in their order, no blanks, numbers as people write them: 0.5 and not 5E-1, 3.0 stays one with a fraction,
/// and an exact integer is its digits.
[[nodiscard]] std::string json_text(const boost::json::value& value);

/// Hex SHA-256 of the canonical text.
[[nodiscard]] std::string json_hash(const boost::json::value& value);

/// `token` as one part of a JSON pointer (RFC 6901): '~' and '/' escaped.
[[nodiscard]] std::string json_pointer_token(std::string_view token);

}  // namespace mnema
