#include "connectors/avro/logical_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace mnema {
namespace {

using Logical = AvroType::Logical;

constexpr std::int64_t kDayMicros = std::int64_t{86'400} * 1'000'000;
constexpr std::int64_t kFirstDay = -719'162;  // 0001-01-01
constexpr std::int64_t kLastDay = 2'932'896;  // 9999-12-31

std::string date_text(std::int64_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string time_text(std::int64_t micros, bool has_micros) {
  const std::int64_t seconds = micros / 1'000'000;
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  const std::int64_t fraction = micros % 1'000'000;
  return has_micros ? fmt::format("{}.{:06}", clock, fraction) : fmt::format("{}.{:03}", clock, fraction / 1000);
}

std::optional<std::string> timestamp_text(std::int64_t value, bool has_micros, bool is_local) {
  const std::int64_t per_day = has_micros ? kDayMicros : kDayMicros / 1000;
  std::int64_t days = value / per_day;
  std::int64_t rest = value % per_day;
  if (rest < 0) {
    rest += per_day;
    --days;
  }
  if (days < kFirstDay || days > kLastDay) return std::nullopt;
  return date_text(days) + "T" + time_text(has_micros ? rest : rest * 1000, has_micros) + (is_local ? "" : "Z");
}

}  // namespace

std::string avro_decimal_text(std::string_view bytes, int scale) {
  const bool is_negative = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
  // The absolute value, in limbs of 32 bits, the lowest first.
  std::vector<std::uint32_t> limbs((bytes.size() + 3) / 4 + 1, 0);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto byte = static_cast<unsigned char>(bytes[bytes.size() - 1 - i]);
    if (is_negative) byte = static_cast<unsigned char>(~byte);
    limbs[i / 4] |= static_cast<std::uint32_t>(byte) << (8 * (i % 4));
  }
  if (is_negative) {
    for (std::uint32_t& limb : limbs) {
      if (++limb != 0) break;
    }
  }
  std::string digits;  // the lowest first
  while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  while (!limbs.empty()) {
    constexpr std::uint64_t kNineDigits = 1'000'000'000;
    std::uint64_t rest = 0;
    for (auto limb = limbs.rbegin(); limb != limbs.rend(); ++limb) {
      const std::uint64_t value = rest << 32 | *limb;
      *limb = static_cast<std::uint32_t>(value / kNineDigits);
      rest = value % kNineDigits;
    }
    for (int i = 0; i < 9; ++i, rest /= 10) digits += static_cast<char>('0' + rest % 10);
    while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
  }
  while (!digits.empty() && digits.back() == '0') digits.pop_back();
  const auto behind = static_cast<std::size_t>(scale);
  if (digits.size() <= behind) digits.append(behind + 1 - digits.size(), '0');
  if (behind > 0) digits.insert(behind, 1, '.');
  if (is_negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::optional<std::string> avro_time_text(Logical logical, std::int64_t value) {
  switch (logical) {
    case Logical::kDate:
      if (value < kFirstDay || value > kLastDay) return std::nullopt;
      return date_text(value);
    case Logical::kTimeMillis:
      if (value < 0 || value >= kDayMicros / 1000) return std::nullopt;
      return time_text(value * 1000, false);
    case Logical::kTimeMicros:
      if (value < 0 || value >= kDayMicros) return std::nullopt;
      return time_text(value, true);
    case Logical::kTimestampMillis:
    case Logical::kLocalTimestampMillis:
      return timestamp_text(value, false, logical == Logical::kLocalTimestampMillis);
    case Logical::kTimestampMicros:
    case Logical::kLocalTimestampMicros:
      return timestamp_text(value, true, logical == Logical::kLocalTimestampMicros);
    default:
      return std::nullopt;
  }
}

}  // namespace mnema
