// inference/grammar/schema_keywords.hpp
//
// Which keywords of a JSON Schema decide validity, which of them a grammar can enforce, and whether two schemas can
// hold for the same value. Split from schema_grammar so that the list is in one place.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mnema::grammar {

/// The first keyword of `schema` that decides validity and is not in `honoured`; empty if there is none. Unknown words
/// are annotations, as the specification says.
[[nodiscard]] std::string_view assertion_outside(const boost::json::object& schema,
                                                 std::initializer_list<std::string_view> honoured);

/// The first keyword that no grammar of ours can enforce (`not`, `if`, `uniqueItems`, ...); empty if there is none.
[[nodiscard]] std::string_view impossible_keyword(const boost::json::object& schema);

/// True only if no value can be valid under both: they name disjoint types or values, or objects that a required
/// member with different constants tells apart. $refs are looked through with `root`.
[[nodiscard]] bool evidently_disjoint(const boost::json::value& a, const boost::json::value& b,
                                      const boost::json::value& root);

/// What a `$ref` of the form "#/..." points to, or nullptr.
[[nodiscard]] const boost::json::value* target_of(std::string_view reference, const boost::json::value& root);

/// `token` as a step of a JSON pointer (RFC 6901: ~ and / escaped).
[[nodiscard]] std::string pointer_step(std::string_view token);

}  // namespace mnema::grammar
