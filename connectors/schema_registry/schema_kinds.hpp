// connectors/schema_registry/schema_kinds.hpp
//
// The kinds of schemas that a registry has (registered_schema.hpp).
//
// Threads: pure functions.
#pragma once

#include <memory>

#include "connectors/schema_registry/registered_schema.hpp"

namespace mnema {

[[nodiscard]] Result<std::shared_ptr<const RegisteredSchema>> compile_registered_avro(const SchemaText& text);
[[nodiscard]] Result<std::shared_ptr<const RegisteredSchema>> compile_registered_protobuf(const SchemaText& text);
[[nodiscard]] Result<std::shared_ptr<const RegisteredSchema>> compile_registered_json_schema(const SchemaText& text);

}  // namespace mnema
