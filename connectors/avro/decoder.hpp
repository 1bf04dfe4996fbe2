// connectors/avro/decoder.hpp
//
// Avro's binary encoding to JSON text, with the schema it was written with. Our own, because avro-c 1.11 lets bytes
// that somebody sends decide what it does: an array of nulls whose block claims 10^8 items costs it 2.4 GB and 2^40
// never end, a list nested in itself overflows the stack, an enum's index out of range is taken.
//
//   null, boolean, int, long     as they are, all digits
//   float, double                the shortest number that reads back; NaN and infinities are texts ("NaN", "-Infinity")
//   bytes, fixed                 base64
//   string, enum                 a text, which must be UTF-8
//   record, map                  an object; array: an array; union: the value of its branch, by itself
//   decimal                      a text with all its digits, "12.50"
//   date, time, timestamps       a text: "2026-11-26", "12:30:00.123", "2026-11-26T12:30:00.123Z", local ones without
//                                the Z. What is no time of day, or not in the years 1 to 9999, stays a number
//   uuid                         a text; duration: {"months", "days", "milliseconds"}
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/avro/schema.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct AvroBounds {
  /// Of the text that is made. Time and memory are bounded by it too, as every value writes at least one byte of it.
  std::int64_t text_bytes_max = 4 << 20;
  std::int64_t depth_max = 64;  // of records, arrays and maps inside one another
};

/// Errors: `kInvalidArgument`: it ends too early or late, or is none of the schema's (names the place), or is beyond
/// the bounds.
[[nodiscard]] Result<std::string> avro_to_json(const AvroSchema& schema, std::string_view bytes,
                                               const AvroBounds& bounds);

}  // namespace mnema
