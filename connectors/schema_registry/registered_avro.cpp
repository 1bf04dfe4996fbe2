#include <set>
#include <utility>

#include "connectors/avro/decoder.hpp"
#include "connectors/schema_registry/schema_kinds.hpp"

namespace mnema {
namespace {

using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

std::uint8_t json_type_of(const AvroType& type) {
  switch (type.kind) {
    case Kind::kNull:
      return JsonShape::kNull;
    case Kind::kBoolean:
      return JsonShape::kBoolean;
    case Kind::kInt:
    case Kind::kLong:
      return type.logical == Logical::kNone ? JsonShape::kNumber : JsonShape::kString;
    case Kind::kFloat:
    case Kind::kDouble:
      return JsonShape::kNumber;
    case Kind::kFixed:
      return type.logical == Logical::kDuration ? JsonShape::kObject : JsonShape::kString;
    case Kind::kBytes:
    case Kind::kString:
    case Kind::kEnum:
      return JsonShape::kString;
    case Kind::kRecord:
    case Kind::kMap:
      return JsonShape::kObject;
    case Kind::kArray:
      return JsonShape::kArray;
    case Kind::kUnion:
      break;
  }
  return 0;
}

/// The keys of a map are data: what stands below them is not described.
class Description {
 public:
  void add(const AvroType& type, const std::string& path) {
    if (--visits_left_ < 0) return;
    if (type.kind == Kind::kUnion) {
      for (const AvroType* branch : type.of) add(*branch, path);
      return;
    }
    if (!shape_.add(path, json_type_of(type)) || !seen_.emplace(path, &type).second) return;
    if (!around_.insert(&type).second) return;  // it is in itself
    if (type.kind == Kind::kArray) add(*type.of[0], path + "/*");
    for (const AvroType::Field& field : type.fields) add(*field.type, path + "/" + field.name);
    around_.erase(&type);
  }
  [[nodiscard]] JsonShape take() { return std::move(shape_); }

 private:
  JsonShape shape_;
  std::set<const AvroType*> around_;
  // Alternatives inside alternatives multiply the ways to one path.
  std::set<std::pair<std::string, const AvroType*>> seen_;
  int visits_left_ = 50'000;
};

class RegisteredAvro final : public RegisteredSchema {
 public:
  explicit RegisteredAvro(AvroSchema schema) : schema_(std::move(schema)) {}
  [[nodiscard]] SchemaKind kind() const override { return SchemaKind::kAvro; }
  [[nodiscard]] Result<std::string> decode(std::string_view payload, const Limits& limits) const override {
    return avro_to_json(schema_, payload, {limits.event_bytes_max, limits.json_depth_max});
  }
  [[nodiscard]] JsonShape shape() const override {
    Description description;
    description.add(schema_.root(), "");
    return description.take();
  }

 private:
  const AvroSchema schema_;
};

}  // namespace

Result<std::shared_ptr<const RegisteredSchema>> compile_registered_avro(const SchemaText& text) {
  std::vector<std::string> references;
  for (const SchemaText::Reference& reference : text.references) references.push_back(reference.text);
  ASSIGN_OR_RETURN(AvroSchema schema, AvroSchema::compile(text.text, references));
  return std::shared_ptr<const RegisteredSchema>(std::make_shared<RegisteredAvro>(std::move(schema)));
}

}  // namespace mnema
