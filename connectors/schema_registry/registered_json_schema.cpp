#include <boost/json/object.hpp>
#include <utility>

#include "connectors/schema_registry/schema_kinds.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/json_schema.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr std::pair<std::string_view, std::uint8_t> kTypes[] = {
    {"null", JsonShape::kNull},      {"boolean", JsonShape::kBoolean}, {"number", JsonShape::kNumber},
    {"integer", JsonShape::kNumber}, {"string", JsonShape::kString},   {"array", JsonShape::kArray},
    {"object", JsonShape::kObject},
};

std::uint8_t types_of(const json::value& value) {
  std::uint8_t types = 0;
  if (const json::array* names = value.if_array()) {
    for (const json::value& name : *names) types |= types_of(name);
  } else if (value.is_string()) {
    for (const auto& [name, type] : kTypes) types |= name == value.get_string() ? type : 0;
  }
  return types;
}

/// What stands under type, properties and items. Members of any type, and what references and alternatives say, are
/// not described.
void describe(const json::value& schema, const std::string& path, JsonShape& shape) {
  const json::object* object = schema.if_object();
  const json::value* type = object ? object->if_contains("type") : nullptr;
  if (type == nullptr || types_of(*type) == 0 || !shape.add(path, types_of(*type))) return;
  if (const json::value* properties = object->if_contains("properties"); properties && properties->is_object()) {
    for (const auto& member : properties->get_object()) {
      describe(member.value(), path + "/" + json_pointer_token(member.key()), shape);
    }
  }
  if (const json::value* items = object->if_contains("items")) describe(*items, path + "/*", shape);
}

Result<json::value> parse_schema(const std::string& text, const std::string& what) {
  JsonBounds bounds{4 << 20, 256};
  bounds.exact_integers = true;
  return parse_bounded_json(text, what, bounds);
}

/// Puts what the schema refers to into it, as schema resources: a `$ref` finds them by the names that the registry has
/// for them, which are relative to the schema's own `$id`.
Status embed(const std::vector<SchemaText::Reference>& references, json::value& schema) {
  if (references.empty()) return {};
  json::object* const root = schema.if_object();
  if (root == nullptr) return {};  // true or false refers to nothing
  json::value& definitions = (*root)["$defs"];
  if (!definitions.is_object()) definitions = json::object();
  for (const SchemaText::Reference& reference : references) {
    ASSIGN_OR_RETURN(json::value part, parse_schema(reference.text, "the JSON Schema '" + reference.name + "'"));
    if (!part.is_object()) part = json::object{{"allOf", json::array{std::move(part)}}};  // so that it has an `$id`
    part.get_object()["$id"] = reference.name;
    if (!definitions.get_object().emplace("registry: " + reference.name, std::move(part)).second) {
      return fail(ErrorCode::kUnsupported, "two schemas are referred to by one name, '" + reference.name + "'");
    }
  }
  return {};
}

class RegisteredJsonSchema final : public RegisteredSchema {
 public:
  RegisteredJsonSchema(JsonSchema schema, JsonShape shape) : schema_(std::move(schema)), shape_(std::move(shape)) {}
  [[nodiscard]] SchemaKind kind() const override { return SchemaKind::kJsonSchema; }
  [[nodiscard]] Result<std::string> decode(std::string_view payload, const Limits& limits) const override {
    JsonBounds bounds{limits.event_bytes_max, limits.json_depth_max};
    bounds.exact_integers = true;
    ASSIGN_OR_RETURN(const json::value value, parse_bounded_json(payload, "the record's value", bounds));
    RETURN_IF_ERROR(schema_.check(value, "the record's value does not fit its schema"));
    return std::string(payload);
  }
  [[nodiscard]] JsonShape shape() const override { return shape_; }

 private:
  const JsonSchema schema_;
  const JsonShape shape_;
};

}  // namespace

Result<std::shared_ptr<const RegisteredSchema>> compile_registered_json_schema(const SchemaText& text) {
  ASSIGN_OR_RETURN(json::value parsed, parse_schema(text.text, "the JSON Schema"));
  JsonShape shape;
  describe(parsed, "", shape);
  RETURN_IF_ERROR(embed(text.references, parsed));
  ASSIGN_OR_RETURN(JsonSchema schema, JsonSchema::compile(parsed));
  return std::shared_ptr<const RegisteredSchema>(
      std::make_shared<RegisteredJsonSchema>(std::move(schema), std::move(shape)));
}

}  // namespace mnema
