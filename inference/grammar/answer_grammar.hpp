// inference/grammar/answer_grammar.hpp
//
// The shapes of an answer as expressions, so that they can also stand behind others: any JSON object, a JSON Schema, a
// regular expression, a choice of texts, a GBNF grammar.
//
// Threads: pure.
#pragma once

#include "inference/grammar/expression.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// Adds what it needs to `rules`. Errors: `kInvalidArgument`, `kUnsupported`.
[[nodiscard]] Result<Expression> expression_of(const JsonObjectConstraint& shape, Rules& rules);
[[nodiscard]] Result<Expression> expression_of(const JsonSchemaConstraint& shape, Rules& rules);
[[nodiscard]] Result<Expression> expression_of(const RegexConstraint& shape, Rules& rules);
[[nodiscard]] Result<Expression> expression_of(const ChoiceConstraint& shape, Rules& rules);
[[nodiscard]] Result<Expression> expression_of(const GrammarConstraint& shape, Rules& rules);

}  // namespace mnema::grammar
