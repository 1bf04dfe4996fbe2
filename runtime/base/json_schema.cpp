#include "runtime/base/json_schema.hpp"

#include <algorithm>

#include "runtime/base/json_schema_compiler.hpp"
#include "runtime/base/json_schema_validator.hpp"

namespace mnema {

namespace json = boost::json;

JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;
JsonSchema& JsonSchema::operator=(JsonSchema&&) noexcept = default;
JsonSchema::~JsonSchema() = default;

Result<JsonSchema> JsonSchema::compile(const json::value& schema) { return compile_part(schema, schema); }

Result<JsonSchema> JsonSchema::compile_part(const json::value& root, const json::value& part) {
  JsonSchema compiled;
  Compiler compiler(compiled, root);
  ASSIGN_OR_RETURN(compiled.root_, compiler.compile(part, ""));
  return compiled;
}

std::vector<SchemaBreach> JsonSchema::validate(const json::value& value, int breaches_max) const {
  return Validator::run(*root_, value, static_cast<std::size_t>(std::max(1, breaches_max)));
}

Status JsonSchema::check(const json::value& value, std::string_view what) const {
  const std::vector<SchemaBreach> breaches = validate(value);
  if (breaches.empty()) return {};
  std::string text(what);
  for (std::size_t i = 0; i < breaches.size(); ++i) {
    text += i == 0 ? ": " : "; ";
    if (!breaches[i].pointer.empty()) text += "at " + breaches[i].pointer + ": ";
    text += breaches[i].problem;
  }
  return fail(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace mnema
