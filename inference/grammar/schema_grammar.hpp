// inference/grammar/schema_grammar.hpp
//
// A JSON Schema (drafts 4 to 2020-12) as a grammar whose every text is valid under the schema. The grammar may allow
// less than the schema (members come in the schema's order; an object that lists its properties is closed unless
// `additionalProperties` says otherwise; docs/ENGINE.md has the list), never more: what cannot be enforced is refused
// with the JSON pointer to it, instead of being ignored. Unknown words are annotations, unknown formats too.
//
// How: the schemas that hold for one value are taken together (schema_expansion.hpp, schema_negation.hpp) into shapes
// without alternatives (schema_shape.hpp), which are written kind by kind (schema_compiler.hpp).
//
// Threads: pure functions.
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
