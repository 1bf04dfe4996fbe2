#include "inference/grammar/answer_grammar.hpp"

#include "inference/grammar/gbnf.hpp"
#include "inference/grammar/json_grammar.hpp"
#include "inference/grammar/pattern_automaton.hpp"
#include "inference/grammar/regular_expression.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "runtime/base/pattern_syntax.hpp"

namespace mnema::grammar {

Result<Expression> expression_of(const JsonObjectConstraint&, Rules& rules) { return JsonGrammar(rules).object(); }

Result<Expression> expression_of(const JsonSchemaConstraint& shape, Rules& rules) {
  return expression_of_schema(shape.schema, rules);
}

Result<Expression> expression_of(const RegexConstraint& shape, Rules&) {
  constexpr std::string_view kIgnoreCase = "(?i)";  // stands only at the beginning
  std::string_view pattern = shape.pattern;
  RETURN_IF_ERROR(parse_pattern(pattern));  // alone, or its brackets might close ours
  std::string whole = pattern.starts_with(kIgnoreCase) ? std::string(kIgnoreCase) : "";
  pattern.remove_prefix(whole.size());
  whole += "^(?:" + std::string(pattern) + ")$";
  ASSIGN_OR_RETURN(const CharacterAutomaton automaton, automaton_of_pattern(whole));
  return expression_of(automaton);
}

Result<Expression> expression_of(const GrammarConstraint& shape, Rules& rules) {
  ASSIGN_OR_RETURN(const int root, parse_gbnf(shape.gbnf, rules));
  return reference(root);
}

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
