#include "runtime/events/event_deadline.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>

namespace mnema {
namespace {

/// Takes exactly `digits` digits off the front; -1: they are not there.
int take_number(std::string_view& text, std::size_t digits) {
  int number = -1;
  if (text.size() < digits) return -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error != std::errc() || end != text.data() + digits || text.front() == '-') return -1;
  text.remove_prefix(digits);
  return number;
}

bool take_sign(std::string_view& text, char sign) {
  if (text.empty() || text.front() != sign) return false;
  text.remove_prefix(1);
  return true;
}

/// "Z", "+01:00".
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  if (take_sign(text, 'Z') || take_sign(text, 'z')) return std::chrono::minutes(0);
  const bool east = take_sign(text, '+');
  if (!east && !take_sign(text, '-')) return std::nullopt;
  const int hours = take_number(text, 2);
  if (hours < 0 || hours > 23 || !take_sign(text, ':')) return std::nullopt;
  const int minutes = take_number(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  return (east ? 1 : -1) * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
}

std::optional<Time> read_rfc3339(std::string_view text) {
  const int year = take_number(text, 4);
  if (!take_sign(text, '-')) return std::nullopt;
  const int month = take_number(text, 2);
  if (!take_sign(text, '-')) return std::nullopt;
  const int day = take_number(text, 2);
  if (!take_sign(text, 'T') && !take_sign(text, 't')) return std::nullopt;
  const int hour = take_number(text, 2);
  if (!take_sign(text, ':')) return std::nullopt;
  const int minute = take_number(text, 2);
  if (!take_sign(text, ':')) return std::nullopt;
  const int second = take_number(text, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return std::nullopt;
  }
  std::int64_t micros = 0;
  if (take_sign(text, '.')) {
    std::int64_t unit = 100'000;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10) {
      micros += unit * (text[digits] - '0');
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  const std::optional<std::chrono::minutes> offset = take_offset(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + Duration(micros) - *offset;
}

}  // namespace

Result<Time> parse_rfc3339(std::string_view text) {
  if (const std::optional<Time> time = read_rfc3339(text)) return *time;
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is no time as RFC 3339 has it",
              "e.g. 2026-11-26T09:30:00Z");
}

Status complete_deadline(Event& event, std::optional<Duration> after, Time now) {
  if (event.deadline) return {};
  if (const auto said = event.attributes.find("expirytime"); said != event.attributes.end()) {
    Result<Time> at = parse_rfc3339(said->second);
    if (!at.ok()) {
      Error error = at.error();
      error.message = "the event's expirytime: " + error.message;
      return error;
    }
    event.deadline = *at;
  } else if (after) {
    event.deadline = now + *after;
  }
  return {};
}

Error deadline_passed(Time deadline, bool had_begun) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(deadline);
  return fail(ErrorCode::kDeadlineExceeded,
              fmt::format("the event's deadline, {:%Y-%m-%dT%H:%M:%S}Z, passed {}",
                          fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                          had_begun ? "during its turn" : "before its turn began"),
              "redrive it if it is still worth doing: it has no deadline then");
}

}  // namespace mnema
