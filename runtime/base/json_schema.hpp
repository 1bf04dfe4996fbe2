// runtime/base/json_schema.hpp
//
// A validator for the part of JSON Schema (draft 2020-12) that tool arguments and structured outputs use:
//   type enum const · properties required additionalProperties minProperties maxProperties propertyNames
//   items prefixItems minItems maxItems uniqueItems · minLength maxLength pattern
//   minimum maximum exclusiveMinimum exclusiveMaximum multipleOf · anyOf oneOf allOf not · $ref to "#/..." and $defs
// Annotations (title, description, default, examples, format, $schema, $id, $comment, deprecated, ...) are ignored. Any
// other keyword is refused when the schema is compiled, because silently not checking it would be worse.
//
// https://json-schema.org/draft/2020-12/json-schema-validation
//
// Threads:   a compiled schema is immutable and may be shared.
// Ownership: owns its copy of the schema.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

/// One thing that is wrong with a value.
struct SchemaBreach {
  std::string pointer;  // where in the value: "/items/3/amount"; "" = the whole
  std::string problem;  // "expected a number, found a string"
};

class JsonSchema {
 public:
  /// Errors: `kInvalidArgument` (names the place in the schema), `kUnsupported` (a keyword outside the list above).
  [[nodiscard]] static Result<JsonSchema> compile(const boost::json::value& schema);

  JsonSchema(JsonSchema&&) noexcept;
  JsonSchema& operator=(JsonSchema&&) noexcept;
  ~JsonSchema();

  /// Everything that is wrong with `value`, at most `breaches_max`; empty = valid. Nesting deeper than
  /// Limits::json_depth_max (of the value or through $ref) is a breach.
  [[nodiscard]] std::vector<SchemaBreach> validate(const boost::json::value& value, int breaches_max = 8) const;

  /// As `validate`. Errors: `kInvalidArgument`, all breaches in one text that a model can act on.
  [[nodiscard]] Status check(const boost::json::value& value, std::string_view what) const;

 private:
  struct Node;
  struct Compiler;
  struct Validator;
  JsonSchema() = default;
  std::vector<std::unique_ptr<Node>> nodes_;
  const Node* root_ = nullptr;
};

}  // namespace mnema
