// inference/grammar/schema_expansion.hpp
//
// From the schemas that hold for one value to alternatives without a choice in them: references are followed, allOf is
// taken together, anyOf, oneOf, not, if and the dependencies become alternatives, unevaluated members are told from the
// evaluated ones. The work of one document is bounded.
//
// Threads: confined to one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/grammar/schema_shape.hpp"
#include "runtime/base/json_schema_references.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

struct Expansion {
  std::vector<Shape> shapes;    // a value has one of these
  std::vector<Terms> separate;  // or all schemas of one of these lists hold, which say nothing in common
};

class SchemaExpander {
 public:
  explicit SchemaExpander(const JsonSchemaReferences& references) : references_(references) {}

  /// Errors: `kInvalidArgument`, `kUnsupported`, each with the pointer.
  [[nodiscard]] Result<Expansion> expand(const Terms& terms);
  /// Why the last alternative that was dropped has no value.
  [[nodiscard]] const std::string& contradiction() const { return contradiction_; }

 private:
  struct Choice;
  struct Scope;
  struct State;
  Status run(State state, Expansion& out, int depth);
  bool is_contradiction(const Shape& shape);
  /// Takes what is left to do; `alive`: it is no contradiction.
  Status take_all(State& state, bool& alive);
  /// Takes the options of choices that have only one left; whether there were any.
  bool take_only_options(State& state, bool& alive);
  Status take(State& state, const Term& term);
  Status take_object(State& state, const Term& term);
  Status take_references(State& state, const Term& term);
  Status take_combinations(State& state, const Term& term);
  Status take_one_of(State& state, const Term& term, const Terms& parts);
  Status take_dependencies(State& state, const Term& term);
  Status take_negated(State& state, const Term& term);
  Status open_scopes(State& state, Term& term);
  void close_scopes(State& state);

  const JsonSchemaReferences& references_;
  std::string contradiction_;
  // Of the whole document.
  std::int64_t states_left_ = 20'000;
  std::int64_t comparisons_left_ = 1'000'000;
  std::int64_t exclusions_left_ = 2'000;  // pairs of alternatives that may hold together
  std::int64_t checks_left_ = 300'000;    // of options that may be dropped
};

}  // namespace mnema::grammar
