#include "connectors/http/date.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace mnema {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> digits(std::string_view text) {
  if (text.empty() || text[0] == '-') return std::nullopt;
  int value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `clock` is " 08:49:37".
std::optional<Time> time_of(std::optional<int> year, std::string_view month_name, std::optional<int> day,
                            std::string_view clock) {
  namespace chrono = std::chrono;
  const auto month = std::find(kMonths.begin(), kMonths.end(), month_name);
  const auto hour = digits(clock.substr(1, 2));
  const auto minute = digits(clock.substr(4, 2));
  const auto second = digits(clock.substr(7, 2));
  if (month == kMonths.end() || !year || !day || !hour || !minute || !second) return std::nullopt;
  if (clock[0] != ' ' || clock[3] != ':' || clock[6] != ':') return std::nullopt;
  const chrono::year_month_day date{chrono::year{*year},
                                    chrono::month{static_cast<unsigned>(month - kMonths.begin() + 1)},
                                    chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return Time{chrono::sys_days{date} + chrono::hours{*hour} + chrono::minutes{*minute} + chrono::seconds{*second}};
}

}  // namespace

std::string http_date(Time time) {
  namespace chrono = std::chrono;
  auto day = chrono::floor<chrono::days>(time);
  chrono::year_month_day date{day};
  chrono::hh_mm_ss clock{chrono::floor<chrono::seconds>(time - day)};
  std::array<char, 40> out{};
  int length = std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                             kDays[chrono::weekday{day}.c_encoding()].data(), static_cast<unsigned>(date.day()),
                             kMonths[static_cast<unsigned>(date.month()) - 1].data(), static_cast<int>(date.year()),
                             static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                             static_cast<int>(clock.seconds().count()));
  return std::string(out.data(), static_cast<std::size_t>(length));
}

std::optional<Time> parse_http_date(std::string_view text, Time now) {
  namespace chrono = std::chrono;
  // Sun, 06 Nov 1994 08:49:37 GMT
  // 0    5  8   12   17 20 23 26
  if (text.size() == 29 && text.substr(25) == " GMT" && text.substr(3, 2) == ", " && text[7] == ' ' &&
      text[11] == ' ') {
    return time_of(digits(text.substr(12, 4)), text.substr(8, 3), digits(text.substr(5, 2)), text.substr(16, 9));
  }
  // Sun Nov  6 08:49:37 1994
  // 0   4   8  11       20
  if (text.size() == 24 && text[3] == ' ' && text[7] == ' ' && text[19] == ' ') {
    const std::string_view day = text.substr(text[8] == ' ' ? 9 : 8, text[8] == ' ' ? 1 : 2);
    return time_of(digits(text.substr(20, 4)), text.substr(4, 3), digits(day), text.substr(10, 9));
  }
  // Sunday, 06-Nov-94 08:49:37 GMT, from behind the comma
  // 1  4   8  10       19
  const std::string_view rest = text.substr(std::min(text.size(), text.find(',')));
  if (rest.size() != 24 || rest.substr(20) != " GMT" || rest[1] != ' ' || rest[4] != '-' || rest[8] != '-')
    return std::nullopt;
  std::optional<int> year = digits(rest.substr(9, 2));
  if (!year) return std::nullopt;
  const int this_year = static_cast<int>(chrono::year_month_day{chrono::floor<chrono::days>(now)}.year());
  *year += this_year - this_year % 100;
  if (*year > this_year + 50) *year -= 100;
  return time_of(year, rest.substr(5, 3), digits(rest.substr(2, 2)), rest.substr(11, 9));
}

}  // namespace mnema
