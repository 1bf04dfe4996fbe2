#include "connectors/schema_registry/registered_schema.hpp"

#include <utility>

#include "connectors/schema_registry/schema_kinds.hpp"

namespace mnema {

std::optional<SchemaId> schema_id_of(std::string_view value) {
  if (value.size() < kSchemaIdBytes || value[0] != 0) return std::nullopt;
  SchemaId id = 0;
  for (std::size_t i = 1; i < kSchemaIdBytes; ++i) id = id << 8 | static_cast<unsigned char>(value[i]);
  return id;
}

std::string_view name_of(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::kAvro:
      return "avro";
    case SchemaKind::kProtobuf:
      return "protobuf";
    case SchemaKind::kJsonSchema:
      return "json_schema";
  }
  return "unknown";
}

Result<std::shared_ptr<const RegisteredSchema>> RegisteredSchema::compile(const SchemaText& text) {
  switch (text.kind) {
    case SchemaKind::kAvro:
      return compile_registered_avro(text);
    case SchemaKind::kJsonSchema:
      return compile_registered_json_schema(text);
    case SchemaKind::kProtobuf:
      return compile_registered_protobuf(text);
  }
  return fail(ErrorCode::kUnsupported, "schemas of that kind are not read");
}

}  // namespace mnema
