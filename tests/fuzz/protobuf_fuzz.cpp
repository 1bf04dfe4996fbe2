// tests/fuzz/protobuf_fuzz.cpp
//
// Hostile Protobuf data is refused or becomes JSON within its bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/protobuf/decoder.hpp"
#include "connectors/protobuf/schema.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/json.hpp"

namespace {

// A field of each kind, and messages in themselves.
constexpr const char* kSchema = R"(
syntax = "proto2";
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
message M {
  optional int64 a = 1; optional sint32 b = 2; optional string c = 3; optional bytes d = 4; repeated M m = 5;
  map<string, M> by = 6; repeated double f = 7; repeated sint64 p = 8 [packed = true]; repeated group G = 9 { optional M x = 1; }
  oneof o { int32 y = 10; M z = 11; } optional google.protobuf.Timestamp t = 12; optional google.protobuf.Value v = 13;
  map<int32, bool> flags = 14; enum E { ONE = 1; } optional E e = 15; optional float h = 16;
})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size > 65'536) return 0;
  static const ProtobufSchema& schema = *new ProtobufSchema(ProtobufSchema::compile(kSchema, {}).value());
  ProtobufBounds bounds;
  bounds.text_bytes_max = 1 << 16;
  bounds.depth_max = 16;
  const auto text = protobuf_to_json(*schema.message({0}), {reinterpret_cast<const char*>(data), size}, bounds);
  if (!text.ok()) return 0;
  CHECK(static_cast<std::int64_t>(text->size()) <= bounds.text_bytes_max, "the text is within its bound");
  CHECK(parse_bounded_json(*text, "it").ok(), "what is decoded is JSON");
  return 0;
}
