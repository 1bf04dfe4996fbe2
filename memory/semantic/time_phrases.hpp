// memory/semantic/time_phrases.hpp
//
// Words, and the times that they name: "last week", "on 3 May 1990", "two months ago", "since Monday", resolved against
// the time at which they were said. A resolved phrase becomes one word. Days begin at midnight UTC.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/clock.hpp"

namespace mnema::semantic {

/// A time that was named.
struct Moment {
  Time begin{};
  std::string text;         // as an object: "2025-03-12", "05-13" (no year was named), "2025-03", "2025"
  bool has_day = false;     // else a month, or a year
  bool has_year = false;    // the year was named, or follows from words like "yesterday"
  bool is_until = false;    // behind "until"
  bool is_weekday = false;  // a day's name alone: the last one, unless a plan is meant
};

struct Word {
  enum class Kind { kWord, kNumber, kComma, kMoment, kQuote };
  Kind kind = Kind::kWord;
  std::string text;   // as it was written
  std::string lower;  // ASCII letters in lower case
  bool is_capital = false;
  Moment moment;  // of kMoment
};

/// Puts a kMoment in the place of each phrase of time, with its preposition.
void resolve_times(std::vector<Word>& words, Time told);

}  // namespace mnema::semantic
