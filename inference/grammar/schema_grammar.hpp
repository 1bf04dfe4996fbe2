// inference/grammar/schema_grammar.hpp
//
// A JSON Schema (draft 2020-12) as a grammar whose every text is valid under the schema. The grammar may allow less
// than the schema (members come in the schema's order; an object that lists its properties is closed unless
// `additionalProperties` says otherwise), never more: a keyword that cannot be honoured is refused with the JSON
// pointer to it, instead of being ignored.
//
// Honoured: type (also lists), properties, required, additionalProperties, enum, const, anyOf, oneOf (where the
// branches exclude one another), allOf (of objects, merged), $ref within the document (recursion included), items,
// prefixItems, minItems, maxItems, minLength, maxLength, pattern, format (date, time, date-time, uuid, ipv4, email,
// uri, hostname), minimum, maximum, exclusiveMinimum, exclusiveMaximum (integral bounds).
#pragma once

#include <boost/json/value.hpp>

#include "inference/grammar/expression.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// Errors: `kUnsupported` (keyword not honoured) or `kInvalidArgument` (not a schema); the message ends with
/// "at <JSON pointer>".
[[nodiscard]] Result<Rules> rules_of_schema(const boost::json::value& schema);

/// Adds the schema to rules that exist already; returns the expression of its value.
[[nodiscard]] Result<Expression> expression_of_schema(const boost::json::value& schema, Rules& rules);

}  // namespace mnema::grammar
