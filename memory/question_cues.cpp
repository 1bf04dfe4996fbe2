#include "memory/question_cues.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace mnema {
namespace {

constexpr auto kMonths =
    std::to_array<std::string_view>({"january", "february", "march", "april", "may", "june", "july", "august",
                                     "september", "october", "november", "december"});
constexpr auto kTimeWords = std::to_array<std::string_view>(
    {"afternoon", "ago",   "days",    "earlier",  "evening", "friday",   "last",     "lately",
     "monday",    "month", "months",  "morning",  "next",    "night",    "now",      "recently",
     "saturday",  "since", "sunday",  "thursday", "today",   "tomorrow", "tonight",  "tuesday",
     "wednesday", "week",  "weekend", "weeks",    "year",    "years",    "yesterday"});
static_assert(std::is_sorted(kTimeWords.begin(), kTimeWords.end()));
constexpr int kToldLaterDays = 10;  // what happened is told within so many days, as a rule

template <class Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view other) { return word == other; });
}

/// Calls `on_word` with each run of ASCII letters and digits, in lower case.
template <class OnWord>
void for_each_word(std::string_view text, const OnWord& on_word) {
  std::string word;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!word.empty()) {
      on_word(word);
      word.clear();
    }
  }
  if (!word.empty()) on_word(word);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for_each_word(text, [&](const std::string& word) { words.push_back(word); });
  return words;
}

/// What is said before a caption in brackets.
std::string_view said_in(std::string_view text) {
  const std::size_t bracket = text.rfind('[');
  return bracket != std::string_view::npos && text.ends_with(']') ? text.substr(0, bracket) : text;
}

/// "5", "5th": 5; none: it is no number below 10,000.
std::optional<int> number_of(std::string_view word) {
  int number = 0;
  std::size_t digits = 0;
  while (digits < word.size() && digits < 4 && word[digits] >= '0' && word[digits] <= '9') {
    number = number * 10 + (word[digits++] - '0');
  }
  const std::string_view rest = word.substr(digits);
  const bool whole = rest.empty() || rest == "st" || rest == "nd" || rest == "rd" || rest == "th";
  return digits > 0 && whole ? std::optional<int>(number) : std::nullopt;
}

std::optional<unsigned> day_of(std::string_view word) {
  const std::optional<int> number = number_of(word);
  if (!number || *number < 1 || *number > 31) return {};
  return static_cast<unsigned>(*number);
}

/// "may" is a month behind a preposition or beside a number.
bool is_month_may(const std::vector<std::string>& words, std::size_t at) {
  constexpr std::array kBefore = {"in", "of",    "on",   "during", "since", "until",
                                  "by", "early", "late", "mid",    "last",  "next"};
  if (at > 0 && (is_one_of(words[at - 1], kBefore) || number_of(words[at - 1]))) return true;
  return at + 1 < words.size() && number_of(words[at + 1]).has_value();
}

}  // namespace

QuestionCues cues_of_question(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  QuestionCues cues;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::optional<int> number = number_of(word);
    if (number && word.size() == 4 && *number >= 1900 && *number < 2100) cues.year = number;
    const auto month = std::find(kMonths.begin(), kMonths.end(), std::string_view(word));
    if (month != kMonths.end() && !cues.month && (word != "may" || is_month_may(words, i))) {
      cues.month = static_cast<unsigned>(month - kMonths.begin()) + 1;
      const std::size_t before = i >= 2 && words[i - 1] == "of" ? i - 2 : i - 1;
      if (i > 0) cues.day = day_of(words[before]);
      if (!cues.day && i + 1 < words.size()) cues.day = day_of(words[i + 1]);
    }
    cues.asks_photo |= is_one_of(word, std::array{"photo", "photos", "picture", "pictures", "image", "shared"});
    cues.about_asker |= is_one_of(word, std::array{"i", "me", "my", "mine", "myself"});
  }
  const auto word_at = [&](std::size_t i) {
    return i < words.size() ? std::string_view(words[i]) : std::string_view();
  };
  const bool what = word_at(0) == "what" || word_at(0) == "which";
  cues.asks_when = word_at(0) == "when" ||
                   (what && is_one_of(word_at(1), std::array{"date", "day", "month", "year", "time"})) ||
                   (word_at(0) == "how" && word_at(1) == "long" && word_at(2) == "ago");
  cues.asks_number =
      word_at(0) == "how" && is_one_of(word_at(1), std::array{"many", "much", "old", "long", "often", "far"});
  return cues;
}

double date_match(const QuestionCues& question, Time time) {
  if (!question.names_time()) return 0;
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const int year = static_cast<int>(date.year());
  const int months = year * 12 + static_cast<int>(static_cast<unsigned>(date.month()));
  if (!question.month) return year == *question.year ? 0.5 : 0;
  const int asked_year = question.year.value_or(year);
  const int asked_months = asked_year * 12 + static_cast<int>(*question.month);
  if (months == asked_months) {
    if (!question.day) return 1;
    const int distance =
        std::abs(static_cast<int>(static_cast<unsigned>(date.day())) - static_cast<int>(*question.day));
    return distance <= 1 ? 2 : distance <= 7 ? 1.5 : 1;
  }
  if (question.day) {
    const std::chrono::year_month_day asked{std::chrono::year(asked_year), std::chrono::month(*question.month),
                                            std::chrono::day(std::min(*question.day, 28U))};
    const auto later = (midnight - std::chrono::sys_days(asked)).count();
    return later >= 0 && later <= kToldLaterDays ? 0.7 : 0;
  }
  return months == asked_months + 1 && static_cast<unsigned>(date.day()) <= kToldLaterDays ? 0.3 : 0;
}

std::optional<TimeRange> told_within(const QuestionCues& question) {
  if (!question.year) return {};
  const std::chrono::year year(*question.year);
  const std::chrono::month first(question.month.value_or(1));
  const std::chrono::month last(question.month.value_or(12));
  const Time from = std::chrono::sys_days(year / first / 1);
  const Time to = std::chrono::sys_days(year / last / std::chrono::last) + std::chrono::days(1 + kToldLaterDays);
  return TimeRange{from, to};
}

bool turn_asks(std::string_view text) {
  const std::string_view said = said_in(text);
  const std::size_t end = said.find_last_not_of(" \t\r\n");
  return end != std::string_view::npos && said[end] == '?';
}

TurnCues cues_of_turn(std::string_view text) {
  TurnCues cues;
  for_each_word(text, [&cues](std::string_view word) {
    ++cues.words;
    const bool number = word[0] >= '0' && word[0] <= '9';
    cues.has_number |= number;
    cues.tells_time |=
        number || is_one_of(word, kMonths) || std::binary_search(kTimeWords.begin(), kTimeWords.end(), word);
  });
  const std::string_view caption = text.substr(said_in(text).size());
  cues.has_photo = caption.starts_with("[photo") || caption.starts_with("[image");
  cues.asks = turn_asks(text);
  return cues;
}

}  // namespace mnema
