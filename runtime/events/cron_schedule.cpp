#include "runtime/events/cron_schedule.hpp"

#include <date/tz.h>

#include <charconv>
#include <stdexcept>
#include <vector>

namespace mnema {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr hours kSearched{10 * 366 * 24};

struct Field {
  const char* name;
  int min;
  int max;
  const char* const* names;  // of min and what follows; nullptr-terminated; null: none
};

constexpr const char* kMonths[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",  "JUL",
                                   "AUG", "SEP", "OCT", "NOV", "DEC", nullptr};
constexpr const char* kWeekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", nullptr};
constexpr Field kFields[] = {{"minute", 0, 59, nullptr},
                             {"hour", 0, 23, nullptr},
                             {"day of the month", 1, 31, nullptr},
                             {"month", 1, 12, kMonths},
                             {"day of the week", 0, 7, kWeekdays}};

constexpr std::pair<std::string_view, std::string_view> kNicknames[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::optional<int> number_of(std::string_view text, const Field& field) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && text.front() != '-') return number;
  for (int i = 0; field.names != nullptr && field.names[i] != nullptr; ++i) {
    if (equal_ignoring_case(text, field.names[i])) return field.min + i;
  }
  return std::nullopt;
}

/// The bits of "1-5/2", "*/15", "MON"; none: it cannot be read.
std::optional<std::uint64_t> bits_of_part(std::string_view part, const Field& field) {
  int step = 1;
  const std::size_t slash = part.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view text = part.substr(slash + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error != std::errc() || end != text.data() + text.size() || step < 1) return std::nullopt;
    part = part.substr(0, slash);
  }
  int first = field.min;
  int last = field.max == 7 ? 6 : field.max;
  if (part != "*") {
    const std::size_t dash = part.find('-');
    const std::string_view from = part.substr(0, dash);
    if (from.empty()) return std::nullopt;
    const std::optional<int> begin = number_of(from, field);
    if (!begin) return std::nullopt;
    first = *begin;
    if (dash != std::string_view::npos) {
      const std::string_view to = part.substr(dash + 1);
      const std::optional<int> end = to.empty() ? std::nullopt : number_of(to, field);
      if (!end) return std::nullopt;
      last = *end;
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  }
  if (first < field.min || last > field.max || first > last) return std::nullopt;
  std::uint64_t bits = 0;
  for (int value = first; value <= last; value += step)
    bits |= std::uint64_t{1} << (field.max == 7 ? value % 7 : value);
  return bits;
}

std::optional<std::uint64_t> bits_of(std::string_view text, const Field& field) {
  std::uint64_t bits = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::optional<std::uint64_t> part = bits_of_part(text.substr(0, comma), field);
    if (!part) return std::nullopt;
    bits |= *part;
    if (comma == std::string_view::npos) return bits;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    words.push_back(text.substr(0, text.find_first_of(" \t")));
    text.remove_prefix(words.back().size());
  }
}

bool has(std::uint64_t bits, unsigned value) { return (bits >> value & 1) != 0; }

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view expression, const std::string& time_zone) {
  const auto wrong = [expression](const std::string& problem) {
    return fail(ErrorCode::kInvalidArgument, "the cron expression '" + std::string(expression) + "' " + problem,
                "minute hour day-of-month month day-of-week, e.g. 0 9 * * MON");
  };
  std::string_view text = expression;
  for (const auto& [nickname, meaning] : kNicknames) {
    if (text == nickname) text = meaning;
  }
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != std::size(kFields)) {
    return wrong("has " + std::to_string(words.size()) + " fields, and needs five");
  }
  CronSchedule schedule;
  std::uint64_t* const fields[] = {&schedule.minutes_, &schedule.hours_, &schedule.days_, &schedule.months_,
                                   &schedule.weekdays_};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::optional<std::uint64_t> bits = bits_of(words[i], kFields[i]);
    if (!bits) return wrong("has '" + std::string(words[i]) + "' for the " + kFields[i].name);
    *fields[i] = *bits;
  }
  schedule.follows_time_ = words[1].front() == '*';
  schedule.either_day_ = words[2].front() != '*' && words[4].front() != '*';
  try {
    schedule.zone_ = date::locate_zone(time_zone);
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalidArgument, "there is no time zone '" + time_zone + "'",
                "use a name of the system's tzdata, e.g. Europe/Zurich");
  }
  // A leap year's 29 February comes within eight years, whichever the day.
  if (!schedule.next(Time{})) return wrong("never fires: there is no such day");
  return schedule;
}

std::optional<Time> CronSchedule::next(Time after) const {
  return follows_time_ ? next_of_passing(after) : next_of_clock(after);
}

namespace {

struct Fits {
  std::uint64_t days;
  std::uint64_t months;
  std::uint64_t weekdays;
  bool either_day;

  [[nodiscard]] bool day(date::local_days local) const {
    const date::year_month_day date(local);
    if (!has(months, static_cast<unsigned>(date.month()))) return false;
    const bool of_month = has(days, static_cast<unsigned>(date.day()));
    const bool of_week = has(weekdays, date::weekday(local).c_encoding());
    return either_day ? of_month || of_week : of_month && of_week;
  }
};

}  // namespace

/// Times of the clock on the wall, in their order; each is at one instant, and those that are skipped at the change.
std::optional<Time> CronSchedule::next_of_clock(Time after) const {
  const Fits fits{days_, months_, weekdays_, either_day_};
  const auto begin = date::floor<seconds>(after);
  // A day before: the change of a clock may have put the local time of `after` ahead of what is still to come.
  const auto first = date::floor<date::days>(zone_->to_local(begin)) - date::days(1);
  for (date::local_days day = first; day - first < kSearched; day += date::days(1)) {
    if (!fits.day(day)) continue;
    for (unsigned hour = 0; hour < 24; ++hour) {
      if (!has(hours_, hour)) continue;
      for (unsigned minute = 0; minute < 60; ++minute) {
        if (!has(minutes_, minute)) continue;
        const date::local_seconds local = day + hours(hour) + minutes(minute);
        const date::local_info info = zone_->get_info(local);
        const bool is_skipped = info.result == date::local_info::nonexistent;
        const auto at = is_skipped ? info.first.end : date::sys_seconds(local.time_since_epoch() - info.first.offset);
        if (const Time instant(at.time_since_epoch()); instant > after) return instant;
      }
    }
  }
  return std::nullopt;
}

/// Minutes as they pass, each with the local time that it has.
std::optional<Time> CronSchedule::next_of_passing(Time after) const {
  const Fits fits{days_, months_, weekdays_, either_day_};
  date::sys_seconds at = date::floor<seconds>(after) + seconds(1);
  const date::sys_seconds end = at + kSearched;
  while (at < end) {
    const date::sys_info info = zone_->get_info(at);
    date::local_seconds local(at.time_since_epoch() + info.offset);
    const auto aligned = date::ceil<minutes>(local);
    const date::local_days day = date::floor<date::days>(aligned);
    const auto time = aligned - day;
    const auto hour = static_cast<unsigned>(time / hours(1));
    const auto minute = static_cast<unsigned>(time % hours(1) / minutes(1));
    date::local_seconds step = aligned;
    if (!fits.day(day)) {
      step = day + date::days(1);
    } else if (!has(hours_, hour)) {
      step = day + hours(hour + 1);
    } else if (!has(minutes_, minute)) {
      step = aligned + minutes(1);
    }
    const date::sys_seconds there(step.time_since_epoch() - info.offset);
    if (there >= info.end) {
      at = info.end;  // from here on local times are others
    } else if (step == aligned && fits.day(day) && has(hours_, hour) && has(minutes_, minute)) {
      return Time(there.time_since_epoch());
    } else {
      at = there;
    }
  }
  return std::nullopt;
}

}  // namespace mnema
