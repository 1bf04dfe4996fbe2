// inference/grammar/schema_keywords.hpp
//
// Which keywords of a JSON Schema decide validity, and whether two schemas can hold for the same value.
//
// Threads: pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/base/json_schema_references.hpp"

namespace mnema::grammar {

/// Whether a keyword of `schema` decides validity. Unknown words are annotations, as the specification says.
[[nodiscard]] bool has_assertion(const boost::json::object& schema);
/// The same without the keywords that combine other schemas ($ref, allOf, anyOf, oneOf, not, if, dependencies).
[[nodiscard]] bool has_own_assertion(const boost::json::object& schema);

/// True only if no value can be valid under both: they name disjoint types or values, or objects that a required
/// member tells apart, by its constants or because the other has no such member. References are looked through.
/// `required`: members that it has in any case. `work_left`: how many schemas and values may still be looked at; with
/// none, the answer is false.
[[nodiscard]] bool evidently_disjoint(const boost::json::value& a, const boost::json::value& b,
                                      std::span<const std::string> required, const JsonSchemaReferences& references,
                                      std::int64_t& work_left);

}  // namespace mnema::grammar
