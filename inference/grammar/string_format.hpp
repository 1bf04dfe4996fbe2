// inference/grammar/string_format.hpp
//
// The string formats of JSON Schema as patterns, each compiled once per process.
//
//   date, time, date-time      RFC 3339 (leap years and the leap second included; years from 0001)
//   duration                   RFC 3339 appendix A
//   email, idn-email           RFC 5321 §4.1.2 (dot-string or quoted string; ASCII)
//   hostname, idn-hostname     RFC 1123 §2.1 (ASCII; three labels of 63 bytes, ten of 24, or more shorter ones)
//   ipv4, ipv6                 RFC 2673 §3.2, RFC 4291 §2.2
//   uri, uri-reference,        RFC 3986 appendix A; RFC 3987 with the characters that it adds; RFC 6570
//   iri, iri-reference, uri-template
//   uuid                       RFC 4122
//   json-pointer, relative-json-pointer   RFC 6901
//   regex                      a part of ECMA-262: groups two deep, no look-around, no references
//
// Any other format is an annotation, as the specification says.
//
// Threads: any thread; guarded by a mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "inference/grammar/character_automaton.hpp"

namespace mnema::grammar {

/// The pattern of a format, anchored; empty for a format that is not known here.
[[nodiscard]] std::string pattern_of_format(std::string_view format);

/// The pattern of those texts of a format that have at most `length_max` characters, or of some of them: counting the
/// characters of a format by an automaton of its own would take as many times its states. Below 64 characters the
/// length is left to the caller. Empty: there is none.
[[nodiscard]] std::string shortened_pattern_of_format(std::string_view format, std::int64_t length_max);

/// Null for a format that is not known here.
[[nodiscard]] std::shared_ptr<const CharacterAutomaton> automaton_of_format(std::string_view format);

/// Whether the automaton holds all texts of the format, so that what it lacks is none.
[[nodiscard]] bool is_whole_format(std::string_view format);

}  // namespace mnema::grammar
