// connectors/schema_registry/registered_schema.hpp
//
// One schema of a Confluent-compatible registry, compiled, and the payloads that were written with it. A record names
// its schema in its first bytes: a zero byte and the schema's id, four bytes, the most significant first.
//
// Payloads become JSON texts: Avro's as connectors/avro/decoder.hpp says, Protobuf's, which begin with the place of
// their message in the schema, as connectors/protobuf/decoder.hpp does; those of JSON Schema are JSON already, and are
// held to it.
//
// Threads:   immutable; may be shared.
// Ownership: owns what it was compiled to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/schema_watch.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

using SchemaId = std::uint32_t;

/// The id in a record's first bytes; none: it was not written with a registry.
[[nodiscard]] std::optional<SchemaId> schema_id_of(std::string_view value);
/// How many bytes it takes, zero byte included.
inline constexpr std::size_t kSchemaIdBytes = 5;

enum class SchemaKind { kAvro, kProtobuf, kJsonSchema };
/// "avro", as in a configuration.
[[nodiscard]] std::string_view name_of(SchemaKind kind);

/// As the registry gives it.
struct SchemaText {
  struct Reference {
    std::string name;  // by which the schema, or another reference, names it
    std::string text;
  };
  SchemaKind kind = SchemaKind::kAvro;
  std::string text;
  std::vector<Reference> references;  // each after those it refers to
};

class RegisteredSchema {
 public:
  virtual ~RegisteredSchema() = default;
  /// Errors: `kInvalidArgument`, `kUnsupported`, `kResourceExhausted`: no schema of its kind, or none that we can read.
  [[nodiscard]] static Result<std::shared_ptr<const RegisteredSchema>> compile(const SchemaText& text);

  [[nodiscard]] virtual SchemaKind kind() const = 0;
  /// The payload, which is what follows the id, as JSON of at most `limits.event_bytes_max` bytes and
  /// `limits.json_depth_max` levels. Errors: `kInvalidArgument`, where and why it is none of the schema's.
  [[nodiscard]] virtual Result<std::string> decode(std::string_view payload, const Limits& limits) const = 0;
  /// Which members its JSON has, as far as the schema says.
  [[nodiscard]] virtual JsonShape shape() const = 0;
};

}  // namespace mnema
