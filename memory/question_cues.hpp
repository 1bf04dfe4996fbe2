// memory/question_cues.hpp
//
// What the wording of a question, and of a remembered turn, says beside its subject: that a time is asked for or named,
// a number, a photo; that a turn asks, tells a time, has a number. English; another language has no cues and is ranked
// without them.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/base/clock.hpp"

namespace mnema {

struct QuestionCues {
  std::optional<int> year;
  std::optional<unsigned> month;  // 1 to 12
  std::optional<unsigned> day;    // of that month; only with a month
  bool asks_when = false;
  bool asks_number = false;
  bool asks_photo = false;
  bool about_asker = false;  // "my", "I": about who asks

  [[nodiscard]] bool names_time() const { return year || month; }
};
[[nodiscard]] QuestionCues cues_of_question(std::string_view text);

/// How well `time` fits the date that a question names: 0 = not at all, 1 = its month, 2 = its day. People tell of
/// things a few days after them, so days behind the date count a little.
[[nodiscard]] double date_match(const QuestionCues& question, Time time);

/// The times in which what a question dates may have been told.
struct TimeRange {
  Time from;
  Time to;
};
/// None: the question names no year.
[[nodiscard]] std::optional<TimeRange> told_within(const QuestionCues& question);

struct TurnCues {
  int words = 0;
  bool asks = false;        // ends with a question mark, what stands in brackets behind it left out
  bool tells_time = false;  // "yesterday", "last week", "in June", a number
  bool has_number = false;
  bool has_photo = false;
};
[[nodiscard]] TurnCues cues_of_turn(std::string_view text);
/// TurnCues::asks alone.
[[nodiscard]] bool turn_asks(std::string_view text);

}  // namespace mnema
