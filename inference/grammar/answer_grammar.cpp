#include "inference/grammar/answer_grammar.hpp"

#include "inference/grammar/json_grammar.hpp"
#include "inference/grammar/regex.hpp"
#include "inference/grammar/schema_grammar.hpp"

namespace mnema::grammar {

Result<Expression> expression_of(const JsonObjectConstraint&, Rules& rules) { return JsonGrammar(rules).object(); }

Result<Expression> expression_of(const JsonSchemaConstraint& shape, Rules& rules) {
  return expression_of_schema(shape.schema, rules);
}

Result<Expression> expression_of(const RegexConstraint& shape, Rules&) { return expression_of_regex(shape.pattern); }

Result<Expression> expression_of(const ChoiceConstraint& shape, Rules&) {
  if (shape.choices.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a choice needs at least one text to choose from");
  }
  std::vector<Expression> texts;
  for (const std::string& choice : shape.choices) {
    if (choice.empty()) return fail(ErrorCode::kInvalidArgument, "an empty text cannot be chosen");
    texts.push_back(literal(choice));
  }
  return alternatives(std::move(texts));
}

}  // namespace mnema::grammar
