// connectors/avro/schema.hpp
//
// An Avro schema (1.11), compiled: names are resolved to the types they stand for. Logical types that a reader knows
// are kept; others, and those whose attributes do not fit, are the type they stand on, as the specification says.
// Aliases, defaults and orders are not kept: records are read with the schema they were written with.
//
// https://avro.apache.org/docs/1.11.1/specification/
//
// Threads:   immutable once compiled; may be shared.
// Ownership: owns its types, which refer to each other.
// Invariant: every type that another one names is of the same schema.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

struct AvroType {
  enum class Kind {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kRecord,
    kEnum,
    kArray,
    kMap,
    kUnion,
    kFixed
  };
  enum class Logical {
    kNone,
    kDecimal,
    kDate,
    kTimeMillis,
    kTimeMicros,
    kTimestampMillis,
    kTimestampMicros,
    kLocalTimestampMillis,
    kLocalTimestampMicros,
    kDuration
  };
  struct Field {
    std::string name;
    std::string member;  // the name as JSON, with its colon: "\"id\":"
    const AvroType* type = nullptr;
  };
  Kind kind = Kind::kNull;
  Logical logical = Logical::kNone;
  int scale = 0;                     // of a decimal
  std::size_t size = 0;              // of a fixed
  std::vector<Field> fields;         // of a record
  std::vector<std::string> symbols;  // of an enum
  std::vector<const AvroType*> of;   // branches of a union; what an array or map has
};

class AvroSchema {
 public:
  /// The schema `text`, in which names of `references` may stand: schemas of named types, each after those it names.
  /// Errors: `kInvalidArgument` (names the place), `kResourceExhausted` (more than 10,000 types).
  [[nodiscard]] static Result<AvroSchema> compile(std::string_view text,
                                                  const std::vector<std::string>& references = {});

  [[nodiscard]] const AvroType& root() const { return *root_; }

 private:
  class Compiler;
  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
};

}  // namespace mnema
