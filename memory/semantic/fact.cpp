#include "memory/semantic/fact.hpp"

#include <cstdio>

namespace mnema {
namespace {

std::string day_of(Time time) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return text;
}

}  // namespace

std::string line_of(const Fact& fact) {
  std::string line = fact.subject + " · " + fact.predicate + ": " + (fact.negated ? "not " : "") + fact.object;
  std::string times;
  if (fact.valid_from) times = "since " + day_of(*fact.valid_from);
  if (fact.valid_to) times += (times.empty() ? "until " : ", until ") + day_of(*fact.valid_to);
  if (!times.empty()) line += " (" + times + ")";
  return line;
}

}  // namespace mnema
