// connectors/avro/logical_types.hpp
//
// Avro's decimals, dates and times as texts.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/avro/schema.hpp"

namespace mnema {

/// The most bytes of a decimal, 616 digits: its text costs their square.
inline constexpr std::size_t kAvroDecimalBytesMax = 256;

/// Two's complement, most significant byte first, with `scale` digits behind the point: "-12.50".
/// Precondition: bytes.size() <= kAvroDecimalBytesMax.
[[nodiscard]] std::string avro_decimal_text(std::string_view bytes, int scale);

/// A date or time, without quotes; none: it is no time of a day, or not in the years 1 to 9999.
[[nodiscard]] std::optional<std::string> avro_time_text(AvroType::Logical logical, std::int64_t value);

}  // namespace mnema
