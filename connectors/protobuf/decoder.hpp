// connectors/protobuf/decoder.hpp
//
// Protobuf's wire format to JSON text, by a message's descriptor. It reads the bytes itself and makes no dynamic
// message of them: one whose fields are many takes thousands of bytes for each two that somebody sends.
//
//   names                        as the schema has them
//   integers                     as numbers, all digits, those of 64 bits too (where ProtoJSON writes strings)
//   float, double                the shortest number that reads back; NaN and the infinities are texts
//   bytes                        base64; string: a text, which must be UTF-8; enum: its name, an unknown one its number
//   message, map                 an object; repeated: an array
//   left out                     the default, unless the field says whether it is there (`optional`, messages, oneof):
//                                then it is no member
//   google.protobuf              Timestamp "2026-11-26T12:30:00.123Z", Duration "1.5s", wrappers the value they wrap,
//                                Struct, Value and ListValue the JSON they stand for; a Timestamp that is not in the
//                                years 1 to 9999 is {"seconds", "nanos"}
//
// Threads: pure functions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace mnema {

struct ProtobufBounds {
  std::int64_t text_bytes_max = 4 << 20;
  std::int64_t depth_max = 64;           // of messages inside one another
  std::int64_t fields_max = 20'000'000;  // that are looked at, in sum over the messages
};

/// Errors: `kInvalidArgument`: the bytes are no message, or none of this kind (names the place), or beyond the bounds.
[[nodiscard]] Result<std::string> protobuf_to_json(const google::protobuf::Descriptor& message, std::string_view bytes,
                                                   const ProtobufBounds& bounds);

}  // namespace mnema
