#include <map>
#include <set>
#include <utility>

#include "connectors/protobuf/decoder.hpp"
#include "connectors/protobuf/schema.hpp"
#include "connectors/schema_registry/schema_kinds.hpp"
#include "runtime/base/protobuf_wire.hpp"

namespace mnema {
namespace {

namespace pb = google::protobuf;

constexpr std::uint64_t kPlacesMax = 32;  // of a message inside messages

/// Which message of the file a payload is of: a count and so many places, each zigzag; a single zero is the first one.
/// Takes them off the payload. None: it ends too early or is out of range.
std::optional<std::vector<int>> take_places(std::string_view& payload) {
  ProtobufReader reader(payload);
  const auto number = [&reader]() -> std::optional<std::uint64_t> {
    const std::optional<std::uint64_t> zigzag = reader.varint();
    if (!zigzag || (*zigzag & 1) != 0) return std::nullopt;  // none is negative
    return *zigzag >> 1;
  };
  const std::optional<std::uint64_t> count = number();
  if (!count || *count > kPlacesMax) return std::nullopt;
  std::vector<int> places;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const std::optional<std::uint64_t> place = number();
    if (!place || *place > 1'000'000) return std::nullopt;
    places.push_back(static_cast<int>(*place));
  }
  if (places.empty()) places.push_back(0);
  payload = reader.rest();
  return places;
}

std::uint8_t json_type_of(const pb::FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return JsonShape::kBoolean;
    case pb::FieldDescriptor::CPPTYPE_STRING:
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      return JsonShape::kString;
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonShape::kObject;
    default:
      return JsonShape::kNumber;
  }
}

/// What a message of google.protobuf becomes is not described, nor the keys of a map.
void describe(const pb::Descriptor& message, const std::string& path, std::set<const pb::Descriptor*>& around,
              JsonShape& shape) {
  if (!around.insert(&message).second) return;  // it is in itself
  for (int i = 0; i < message.field_count(); ++i) {
    const pb::FieldDescriptor& field = *message.field(i);
    const bool is_message = field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_message && field.message_type()->well_known_type() != pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED) continue;
    std::string at = path + "/" + field.name();
    if (field.is_repeated() && !field.is_map()) {
      if (!shape.add(at, JsonShape::kArray)) continue;
      at += "/*";
    }
    if (!shape.add(at, json_type_of(field))) continue;
    if (is_message && !field.is_map()) describe(*field.message_type(), at, around, shape);
  }
  around.erase(&message);
}

class RegisteredProtobuf final : public RegisteredSchema {
 public:
  explicit RegisteredProtobuf(ProtobufSchema schema) : schema_(std::move(schema)) {}
  [[nodiscard]] SchemaKind kind() const override { return SchemaKind::kProtobuf; }
  [[nodiscard]] Result<std::string> decode(std::string_view payload, const Limits& limits) const override {
    const std::optional<std::vector<int>> places = take_places(payload);
    if (!places) return fail(ErrorCode::kInvalidArgument, "the record does not say which message of its schema it is");
    const pb::Descriptor* message = schema_.message(*places);
    if (message == nullptr)
      return fail(ErrorCode::kInvalidArgument, "the record is of a message that its schema lacks");
    ProtobufBounds bounds;
    bounds.text_bytes_max = limits.event_bytes_max;
    // Repeated fields and maps are levels of the JSON, too.
    bounds.depth_max = limits.json_depth_max / 2;
    return protobuf_to_json(*message, payload, bounds);
  }
  /// Of the first message, which is what most schemas have.
  [[nodiscard]] JsonShape shape() const override {
    JsonShape shape;
    std::set<const pb::Descriptor*> around;
    shape.add("", JsonShape::kObject);
    if (const pb::Descriptor* first = schema_.message({0})) describe(*first, "", around, shape);
    return shape;
  }

 private:
  const ProtobufSchema schema_;
};

}  // namespace

Result<std::shared_ptr<const RegisteredSchema>> compile_registered_protobuf(const SchemaText& text) {
  std::map<std::string, std::string> imports;
  for (const SchemaText::Reference& reference : text.references) imports[reference.name] = reference.text;
  ASSIGN_OR_RETURN(ProtobufSchema schema, ProtobufSchema::compile(text.text, imports));
  return std::shared_ptr<const RegisteredSchema>(std::make_shared<RegisteredProtobuf>(std::move(schema)));
}

}  // namespace mnema
