// inference/grammar/schema_kinds.hpp
//
// The kinds of JSON values as a bit set: what a schema's `type` is calculated with.
//
// Threads: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string_view>

namespace mnema::grammar {

using Kinds = unsigned;
inline constexpr Kinds kNullKind = 1;
inline constexpr Kinds kBooleanKind = 2;
inline constexpr Kinds kIntegerKind = 4;   // 1 and 1.0
inline constexpr Kinds kFractionKind = 8;  // numbers that are no integers
inline constexpr Kinds kStringKind = 16;
inline constexpr Kinds kArrayKind = 32;
inline constexpr Kinds kObjectKind = 64;
inline constexpr Kinds kNumberKinds = kIntegerKind | kFractionKind;
inline constexpr Kinds kAllKinds = 127;

/// nullopt: there is no such type.
[[nodiscard]] std::optional<Kinds> kinds_named(std::string_view type);
/// Of a `type` keyword: a name or a list of names. nullopt: neither.
[[nodiscard]] std::optional<Kinds> kinds_of_type(const boost::json::value& type);
[[nodiscard]] Kinds kind_of(const boost::json::value& value);

}  // namespace mnema::grammar
