#include "runtime/base/json_schema.hpp"

#include <algorithm>

#include "runtime/base/json_schema_compiler.hpp"
#include "runtime/base/json_schema_validator.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {

namespace json = boost::json;

JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;
JsonSchema& JsonSchema::operator=(JsonSchema&&) noexcept = default;
JsonSchema::~JsonSchema() = default;

Result<JsonSchema> JsonSchema::compile(const json::value& schema) {
  return compile_part(JsonSchemaReferences(schema), schema);
}

Result<JsonSchema> JsonSchema::compile_part(const JsonSchemaReferences& references, const json::value& part) {
  JsonSchema compiled;
  Compiler compiler(compiled, references);
  ASSIGN_OR_RETURN(compiled.root_, compiler.compile(part, ""));
  return compiled;
}

namespace {

/// Names are as long as whoever sends them likes, and the text goes into logs, dead letters and prompts.
std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  return text.substr(0, valid_utf8_prefix(std::string_view(text).substr(0, bytes_max - 3))) + "...";
}

}  // namespace

std::vector<SchemaBreach> JsonSchema::validate(const json::value& value, int breaches_max) const {
  return Validator::run(*root_, value, static_cast<std::size_t>(std::max(1, breaches_max)));
}

Status JsonSchema::check(const json::value& value, std::string_view what) const {
  const std::vector<SchemaBreach> breaches = validate(value);
  if (breaches.empty()) return {};
  std::string text(what);
  for (std::size_t i = 0; i < breaches.size(); ++i) {
    text += i == 0 ? ": " : "; ";
    if (!breaches[i].pointer.empty()) text += "at " + cut(breaches[i].pointer, 300) + ": ";
    text += cut(breaches[i].problem, 1'500);
  }
  return fail(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace mnema
