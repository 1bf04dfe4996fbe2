// inference/grammar/schema_compiler.hpp
//
// Writes JSON Schemas as expressions of a grammar. Schemas that hold for the same value are compiled together
// (schema_expansion.hpp) and once: the same list of schemas is the same rule, which is what makes recursive schemas
// end. One file per kind of value: schema_object.cpp, schema_array.cpp, schema_string.cpp, schema_number.cpp.
//
// Threads:   confined to one.
// Ownership: points into the document and adds to `rules`; both outlive it.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inference/grammar/character_automaton.hpp"
#include "inference/grammar/json_grammar.hpp"
#include "inference/grammar/schema_expansion.hpp"
#include "inference/grammar/schema_shape.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/json_schema_references.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

class SchemaCompiler {
 public:
  SchemaCompiler(const boost::json::value& root, Rules& rules)
      : root_(root), rules_(rules), json_(rules), references_(root), expander_(references_) {}

  /// The values for which all of `terms` hold; `never` where there is none.
  [[nodiscard]] Result<Expression> compile(const Terms& terms);
  /// The whole document. Errors: as `compile`, and `kInvalidArgument` where no value is valid.
  [[nodiscard]] Result<Expression> compile_root();

 private:
  using Key = std::vector<std::pair<const boost::json::value*, bool>>;
  struct Known {
    Expression expression;  // null while it is being compiled
    int rule = -1;          // once somebody refers to it
  };

  [[nodiscard]] Result<Expression> compile_expansion(const Terms& terms);
  [[nodiscard]] Result<Expression> compile_shape(const Shape& shape, const Terms& terms);
  [[nodiscard]] Result<Expression> compile_values(const Shape& shape, const Terms& terms);
  [[nodiscard]] Result<Expression> compile_number(const Shape& shape);
  [[nodiscard]] Result<Expression> compile_string(const Shape& shape);
  [[nodiscard]] Result<Expression> make_string(const Shape& shape);
  [[nodiscard]] Result<Expression> compile_array(const Shape& shape);
  [[nodiscard]] Result<Expression> compile_array_containing(const Shape& shape, const ContainsRule& rule,
                                                            const Expression& opening);
  [[nodiscard]] Result<bool> has_enough_distinct_items(const Shape& shape);
  [[nodiscard]] Result<Expression> compile_object(const Shape& shape);
  /// Name, colon and value of a member; a rule where the shape is one of several, which have most members in common.
  [[nodiscard]] Expression member(const std::string& name, Expression value, bool in_several);

  /// The strings of a shape, without their quotes; nullopt: all strings.
  [[nodiscard]] Result<std::optional<CharacterAutomaton>> strings_of(const Shape& shape);
  /// The strings for which all of `terms` hold. Errors: `kUnsupported` where they cannot be told.
  [[nodiscard]] Result<std::optional<CharacterAutomaton>> strings_of(const Terms& terms);
  [[nodiscard]] Result<std::shared_ptr<const CharacterAutomaton>> pattern(const std::string& text,
                                                                          const std::string& pointer);
  [[nodiscard]] Terms item_terms(const Shape& shape, std::size_t place) const;
  /// A number of values that are valid under all terms and differ, up to `enough`; there may be more.
  [[nodiscard]] Result<std::int64_t> values_at_least(const Terms& terms, std::int64_t enough, int depth = 0);
  [[nodiscard]] Result<std::int64_t> objects_at_least(const Shape& shape, std::int64_t enough, int depth);
  /// Whether `value` is valid under all terms. Errors: `kUnsupported` where the validator refuses them.
  [[nodiscard]] Result<bool> holds(const boost::json::value& value, const Terms& terms);
  /// Accounts for the states of automata that were made. Errors: `kUnsupported` once the document has had its share.
  Status spend(std::size_t states, const std::string& pointer);
  /// Remembers why nothing is valid, for the message.
  void note_contradiction(const std::string& what, const std::string& pointer);

  struct FreeNames;  // names that no property lists, and what is valid under them
  [[nodiscard]] Result<std::vector<FreeNames>> free_names(const Shape& shape, const std::vector<std::string>& listed,
                                                          bool open);

  const boost::json::value& root_;
  Rules& rules_;
  JsonGrammar json_;
  JsonSchemaReferences references_;
  SchemaExpander expander_;
  std::map<Key, Known> known_;
  std::map<std::string, std::shared_ptr<const CharacterAutomaton>> patterns_;
  std::map<std::string, Expression> strings_;
  std::map<const boost::json::value*, JsonSchema> validators_;
  std::map<std::pair<std::string, int>, Expression> members_;  // by name and rule of the value
  bool in_several_ = false;                                    // the shape is one of several
  std::string contradiction_;
  int depth_ = 0;
  int counts_left_ = 2'000;             // lists of schemas whose values are counted
  std::int64_t states_left_ = 500'000;  // of all automata on the way: a bound on the work
};

}  // namespace mnema::grammar
