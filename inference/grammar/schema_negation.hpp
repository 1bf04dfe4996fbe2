// inference/grammar/schema_negation.hpp
//
// What a value must be so that a schema does not hold for it, as alternatives. Alternatives that no grammar can say
// ("a member that nobody names is wrong") are left out: what is left allows less than the negation, never more.
//
// Threads: pure functions.
#pragma once

#include <vector>

#include "inference/grammar/schema_shape.hpp"
#include "runtime/base/json_schema_references.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// One way to meet a choice: what is known at once, and the schemas that hold then.
struct Option {
  Shape shape;
  Terms terms;
};

struct Negation {
  std::vector<Option> options;  // none: nothing is excluded by the schema, or all that is left was left out
  bool complete = true;         // no alternative was left out
};

/// Precondition: `term` is negated.
[[nodiscard]] Result<Negation> negation_of(const Term& term, const JsonSchemaReferences& references);

}  // namespace mnema::grammar
