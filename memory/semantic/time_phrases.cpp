#include "memory/semantic/time_phrases.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

namespace mnema::semantic {
namespace {

using std::chrono::days;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::weekday;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr std::array kMonths = {"january", "february", "march",     "april",   "may",      "june",
                                "july",    "august",   "september", "october", "november", "december"};
constexpr std::array kShortMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array kWeekdays = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
constexpr std::array kNumbers = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                 "seven", "eight", "nine", "ten",   "eleven", "twelve"};
constexpr std::array kBefore = {"in",       "on",     "since", "from", "at",  "of",     "by",
                                "starting", "around", "until", "till", "for", "during", "as"};

template <class List>
std::optional<int> place_in(const List& list, std::string_view word) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const char* entry) { return word == entry; });
  if (found == list.end()) return {};
  return static_cast<int>(found - list.begin());
}

std::string text_of(sys_days day) {
  const year_month_day date(day);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return text;
}

Moment day_moment(sys_days day) { return {Time(day), text_of(day), true, true, false, false}; }

/// A phrase that begins at a word: how many words it takes.
struct Found {
  std::size_t count = 0;
  Moment moment;
};

class Resolver {
 public:
  Resolver(const std::vector<Word>& words, Time told)
      : words_(words), today_(std::chrono::floor<days>(told)), date_(today_) {}

  /// The phrase at `at`, prepositions before it included.
  Found phrase(std::size_t at) const {
    std::size_t before = 0;
    bool until = false, names_month = false;
    while (before < 2 && place_in(kBefore, word(at + before))) {
      const std::string_view preposition = word(at + before);
      until |= preposition == "until" || preposition == "till";
      names_month = true;
      ++before;
    }
    if (before > 0 && word(at) == "for") return lasting(at + 1, 1);
    Found found = bare(at + before, names_month);
    if (found.count == 0 && before > 0 && word(at + before - 1) == "in") found = ahead(at + before);
    if (found.count == 0) return {};
    found.count += before;
    found.moment.is_until = until;
    return found;
  }

 private:
  [[nodiscard]] std::string_view word(std::size_t at) const {
    return at < words_.size() ? std::string_view(words_[at].lower) : std::string_view();
  }
  [[nodiscard]] std::optional<int> number(std::size_t at) const {
    std::string_view text = word(at);
    if (text == "a" || text == "an" || text == "1st") return 1;
    if (text == "couple") return 2;
    if (text == "few" || text == "several") return 3;
    if (const auto named = place_in(kNumbers, text)) return named;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0 || value > 9'999) return {};
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (!rest.empty() && rest != "st" && rest != "nd" && rest != "rd" && rest != "th") return {};
    return value;
  }
  [[nodiscard]] std::optional<int> year_at(std::size_t at) const {
    if (word(at).size() != 4) return {};
    const auto value = number(at);
    return value && *value >= 1900 && *value < 2100 ? value : std::nullopt;
  }
  [[nodiscard]] std::optional<unsigned> day_at(std::size_t at) const {
    const std::string_view text = word(at);
    if (text.empty() || text[0] < '0' || text[0] > '9') return {};
    const auto value = number(at);
    if (!value || *value < 1 || *value > 31) return {};
    return static_cast<unsigned>(*value);
  }
  [[nodiscard]] std::optional<unsigned> month_at(std::size_t at) const {
    auto found = place_in(kMonths, word(at));
    if (!found) found = place_in(kShortMonths, word(at));
    if (!found || !words_[at].is_capital) return {};
    return static_cast<unsigned>(*found) + 1;
  }

  /// Days, weeks, months or years. 0: it is no unit.
  [[nodiscard]] sys_days shifted(int count, std::string_view unit) const {
    if (unit.starts_with("day")) return today_ + days(count);
    if (unit.starts_with("week")) return today_ + days(7 * count);
    year_month_day date = date_;
    if (unit.starts_with("month")) date = date_ + std::chrono::months(count);
    if (unit.starts_with("year")) date = date_ + std::chrono::years(count);
    return date.ok() ? sys_days(date) : sys_days(date.year() / date.month() / std::chrono::last);
  }
  static bool is_unit(std::string_view word) {
    return word == "day" || word == "days" || word == "week" || word == "weeks" || word == "month" ||
           word == "months" || word == "year" || word == "years";
  }

  Found lasting(std::size_t at, std::size_t before) const {
    std::size_t next = at;
    for (const std::string_view skipped : {"the", "last", "past", "about", "over", "almost", "nearly"}) {
      if (word(next) == skipped) ++next;
    }
    const auto count = number(next);
    if (!count) return {};
    ++next;
    if (word(next) == "couple" || word(next) == "few") ++next;
    if (word(next) == "of") ++next;
    if (!is_unit(word(next)) || word(next) == "day" || word(next) == "days") return {};
    return {next + 1 - at + before, day_moment(shifted(-*count, word(next)))};
  }
  Found ahead(std::size_t at) const {
    const auto count = number(at);
    if (!count || !is_unit(word(at + 1))) return {};
    return {2, day_moment(shifted(*count, word(at + 1)))};
  }
  [[nodiscard]] Moment month_moment(int of_year, unsigned of_month, bool named) const {
    char text[16];
    std::snprintf(text, sizeof text, "%04d-%02u", of_year, of_month);
    return {Time(sys_days(year(of_year) / month(of_month) / 1)), text, false, named, false, false};
  }
  /// The nearest such day to today.
  [[nodiscard]] Found date(std::size_t count, std::optional<int> of_year, unsigned of_month, unsigned day) const {
    const auto at = [&](int number) { return year(number) / month(of_month) / std::chrono::day(day); };
    if (of_year) {
      if (!at(*of_year).ok()) return {};
      return {count, day_moment(sys_days(at(*of_year)))};
    }
    const int this_year = static_cast<int>(date_.year());
    std::optional<sys_days> nearest;
    for (int number = this_year - 1; number <= this_year + 1; ++number) {
      if (!at(number).ok()) continue;
      const sys_days candidate(at(number));
      if (!nearest || std::abs((candidate - today_).count()) < std::abs((*nearest - today_).count())) {
        nearest = candidate;
      }
    }
    if (!nearest) return {};
    Moment moment = day_moment(*nearest);
    moment.has_year = false;
    return {count, moment};
  }

  Found bare(std::size_t at, bool names_month) const {
    const std::string_view first = word(at);
    if (first == "today" || first == "tonight") return {1, day_moment(today_)};
    if (first == "this" && (word(at + 1) == "morning" || word(at + 1) == "afternoon" || word(at + 1) == "evening")) {
      return {2, day_moment(today_)};
    }
    if (first == "yesterday") return {1, day_moment(today_ - days(1))};
    if (first == "tomorrow") return {1, day_moment(today_ + days(1))};
    if (first == "the" && word(at + 1) == "day" && word(at + 3) == "yesterday")
      return {4, day_moment(today_ - days(2))};
    if (first == "last" && word(at + 1) == "night") return {2, day_moment(today_ - days(1))};
    if (first == "last" || first == "next" || first == "this") return beside(at, first);
    if (const auto day = place_in(kWeekdays, first)) {
      const weekday wanted(static_cast<unsigned>(*day));
      const days back = weekday(today_) - wanted;
      Moment moment = day_moment(today_ - back);
      moment.is_weekday = true;
      return {1, moment};
    }
    if (const auto iso = iso_date(at)) return {1, day_moment(*iso)};
    // "3 May 1990", "3rd of May"
    if (const auto day = day_at(at)) {
      const std::size_t next = word(at + 1) == "of" ? at + 2 : at + 1;
      if (const auto named = month_at(next)) {
        const std::size_t behind = word(next + 1) == "," ? next + 2 : next + 1;
        const auto of_year = year_at(behind);
        return date((of_year ? behind : next) + 1 - at, of_year, *named, *day);
      }
    }
    if (const auto named = month_at(at)) {
      if (const auto of_year = year_at(at + 1)) return {2, month_moment(*of_year, *named, true)};
      if (const auto day = day_at(at + 1)) {
        const std::size_t behind = word(at + 2) == "," ? at + 3 : at + 2;
        const auto of_year = year_at(behind);
        return date((of_year ? behind : at + 1) + 1 - at, of_year, *named, *day);
      }
      if (names_month) {
        const int this_year = static_cast<int>(date_.year());
        const int months = static_cast<int>(*named) - static_cast<int>(static_cast<unsigned>(date_.month()));
        return {1, month_moment(months > 6 ? this_year - 1 : months < -9 ? this_year + 1 : this_year, *named, false)};
      }
    }
    if (names_month) {
      if (const auto of_year = year_at(at)) {
        return {1, {Time(sys_days(year(*of_year) / 1 / 1)), std::to_string(*of_year), false, true, false, false}};
      }
    }
    return ago(at);
  }

  Found beside(std::size_t at, std::string_view which) const {
    const int step = which == "last" ? -1 : which == "next" ? 1 : 0;
    const std::string_view unit = word(at + 1);
    if (unit == "weekend") return {2, day_moment(today_ + days(7 * step - (step == 0 ? 0 : 1)))};
    if (unit == "week") return {2, day_moment(today_ + days(7 * step))};
    if (unit == "month" && step != 0) {
      const year_month_day there = date_ + std::chrono::months(step);
      return {2, month_moment(static_cast<int>(there.year()), static_cast<unsigned>(there.month()), true)};
    }
    if (unit == "year" && step != 0) {
      const int there = static_cast<int>(date_.year()) + step;
      return {2, {Time(sys_days(year(there) / 1 / 1)), std::to_string(there), false, true, false, false}};
    }
    if (unit == "summer" || unit == "spring" || unit == "winter" || unit == "autumn" || unit == "fall") {
      const unsigned of_month = unit == "spring" ? 3 : unit == "summer" ? 6 : unit == "winter" ? 12 : 9;
      int there = static_cast<int>(date_.year());
      const bool is_behind = of_month < static_cast<unsigned>(date_.month());
      if (step < 0 && !is_behind) --there;
      if (step > 0 && is_behind) ++there;
      return {2, month_moment(there, of_month, true)};
    }
    if (const auto day = place_in(kWeekdays, unit)) {
      const weekday wanted(static_cast<unsigned>(*day));
      if (step < 0) {
        const days back = weekday(today_ - days(1)) - wanted;
        return {2, day_moment(today_ - days(1) - back)};
      }
      const days forth = wanted - weekday(today_ + days(1));
      return {2, day_moment(today_ + days(1) + forth)};
    }
    if (const auto named = month_at(at + 1)) {
      int there = static_cast<int>(date_.year());
      const bool is_behind = *named < static_cast<unsigned>(date_.month());
      if (step < 0 && !is_behind) --there;
      if (step > 0 && is_behind) ++there;
      return {2, month_moment(there, *named, true)};
    }
    return {};
  }

  Found ago(std::size_t at) const {
    auto count = number(at);
    if (!count) return {};
    std::size_t next = at + 1;
    if (word(next) == "couple" || word(next) == "few") {
      count = word(next) == "couple" ? 2 : 3;
      ++next;
    }
    if (word(next) == "of") ++next;
    if (!is_unit(word(next)) || word(next + 1) != "ago") return {};
    return {next + 2 - at, day_moment(shifted(-*count, word(next)))};
  }

  [[nodiscard]] std::optional<sys_days> iso_date(std::size_t at) const {
    const std::string_view text = word(at);
    int of_year = 0;
    unsigned of_month = 0, day = 0;
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return {};
    if (std::from_chars(text.data(), text.data() + 4, of_year).ptr != text.data() + 4 ||
        std::from_chars(text.data() + 5, text.data() + 7, of_month).ptr != text.data() + 7 ||
        std::from_chars(text.data() + 8, text.data() + 10, day).ptr != text.data() + 10) {
      return {};
    }
    const year_month_day date = year(of_year) / month(of_month) / std::chrono::day(day);
    if (!date.ok() || of_year < 1900 || of_year > 2100) return {};
    return sys_days(date);
  }

  const std::vector<Word>& words_;
  const sys_days today_;
  const year_month_day date_;
};

}  // namespace

void resolve_times(std::vector<Word>& words, Time told) {
  const Resolver resolver(words, told);
  std::vector<Word> resolved;
  for (std::size_t at = 0; at < words.size();) {
    Found found = resolver.phrase(at);
    if (found.count == 0) {
      resolved.push_back(words[at++]);
      continue;
    }
    Word word;
    word.kind = Word::Kind::kMoment;
    for (std::size_t i = 0; i < found.count && at + i < words.size(); ++i) {
      word.text += (i == 0 ? "" : " ") + words[at + i].text;
    }
    word.moment = std::move(found.moment);
    resolved.push_back(std::move(word));
    at += found.count;
  }
  words = std::move(resolved);
}

}  // namespace mnema::semantic
