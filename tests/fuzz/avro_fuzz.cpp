// tests/fuzz/avro_fuzz.cpp
//
// A hostile Avro schema is refused or compiled, and hostile data of it is refused or becomes JSON within its bounds. The
// input is a schema, a zero byte and the data.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/avro/decoder.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size > 65'536) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = input.find('\0');
  if (zero == std::string_view::npos) return 0;
  const auto schema = AvroSchema::compile(input.substr(0, zero));
  if (!schema.ok()) return 0;
  const AvroBounds bounds{1 << 16, 16};
  const auto text = avro_to_json(*schema, input.substr(zero + 1), bounds);
  if (!text.ok()) return 0;
  CHECK(static_cast<std::int64_t>(text->size()) <= bounds.text_bytes_max, "the text is within its bound");
  const auto value = parse_bounded_json(*text, "it", {bounds.text_bytes_max, bounds.depth_max});
  CHECK(value.ok(), "what is decoded is JSON");
  return 0;
}
