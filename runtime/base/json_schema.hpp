// runtime/base/json_schema.hpp
//
// A validator for JSON Schema, for tool arguments, structured outputs and what upstreams send. Keywords of drafts 4 to
// 2020-12 that decide validity are checked:
//   type enum const · properties required additionalProperties patternProperties propertyNames minProperties
//   maxProperties dependentRequired dependentSchemas dependencies unevaluatedProperties · items prefixItems
//   additionalItems contains minContains maxContains minItems maxItems uniqueItems unevaluatedItems · minLength
//   maxLength pattern · minimum maximum exclusiveMinimum exclusiveMaximum multipleOf · anyOf oneOf allOf not if then
//   else · $ref, $dynamicRef, $anchor and $id within the document
// Every other word is an annotation, `format` included, as the specification says. What stands beside a $ref holds too.
//
// https://json-schema.org/draft/2020-12/json-schema-validation
//
// Threads:   a compiled schema is immutable and may be shared.
// Ownership: keeps nothing of the document.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

class JsonSchemaReferences;

/// One thing that is wrong with a value.
struct SchemaBreach {
  std::string pointer;  // where in the value: "/items/3/amount"; "" = the whole
  std::string problem;  // "expected a number, found a string"
};

class JsonSchema {
 public:
  /// Errors: `kInvalidArgument` (names the place in the schema), `kUnsupported` (a $dynamicRef that depends on where it
  /// is reached from).
  [[nodiscard]] static Result<JsonSchema> compile(const boost::json::value& schema);
  /// The schema `part` inside a document whose references are known. The index of a large document takes its time.
  [[nodiscard]] static Result<JsonSchema> compile_part(const JsonSchemaReferences& references,
                                                       const boost::json::value& part);

  JsonSchema(JsonSchema&&) noexcept;
  JsonSchema& operator=(JsonSchema&&) noexcept;
  ~JsonSchema();

  /// Everything that is wrong with `value`, at most `breaches_max`; empty = valid. Nesting deeper than
  /// Limits::json_depth_max (of the value or through $ref) is a breach.
  [[nodiscard]] std::vector<SchemaBreach> validate(const boost::json::value& value, int breaches_max = 8) const;

  /// As `validate`. Errors: `kInvalidArgument`, all breaches in one text that a model can act on, of some
  /// kilobytes at most.
  [[nodiscard]] Status check(const boost::json::value& value, std::string_view what) const;

 private:
  struct Node;
  class Compiler;
  class Validator;
  JsonSchema() = default;
  std::vector<std::unique_ptr<Node>> nodes_;
  const Node* root_ = nullptr;
};

}  // namespace mnema
