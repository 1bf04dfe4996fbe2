#include "inference/grammar/schema_grammar.hpp"

#include "inference/grammar/schema_compiler.hpp"

namespace mnema::grammar {

Result<Expression> expression_of_schema(const boost::json::value& schema, Rules& rules) {
  return SchemaCompiler(schema, rules).compile_root();
}

Result<Rules> rules_of_schema(const boost::json::value& schema) {
  Rules rules;
  const int root = rules.declare("root");
  ASSIGN_OR_RETURN(Expression body, expression_of_schema(schema, rules));
  rules.rules[static_cast<std::size_t>(root)].body = std::move(body);
  rules.root = root;
  return rules;
}

}  // namespace mnema::grammar
