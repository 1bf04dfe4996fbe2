#include "tests/memory/semantic/story.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "memory/semantic/predicates.hpp"

namespace mnema::testing {
namespace {

Time noon_of(const std::string& date) {
  int year = 0;
  unsigned month = 0, day = 0;
  CHECK(std::sscanf(date.c_str(), "%d-%u-%u", &year, &month, &day) == 3, date.c_str());
  return Time(std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))) +
         std::chrono::hours(12);
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) part = trimmed(part);
  return parts;
}

Story::Check check_of(const std::string& line) {
  Story::Check check;
  check.line = line;
  std::string rest = line;
  const auto take = [&](const std::string& word) {
    if (!rest.starts_with(word)) return false;
    rest = trimmed(rest.substr(word.size()));
    return true;
  };
  if (take("as of ")) {
    check.as_of = noon_of(rest.substr(0, 10));
    rest = trimmed(rest.substr(10));
  } else if (take("not ")) {
    check.kind = Story::Check::Kind::kNot;
  } else if (take("conflict ")) {
    check.kind = Story::Check::Kind::kConflict;
  } else {
    CHECK(take("check "), line.c_str());
  }
  const std::vector<std::string> parts = parts_of(rest, '|');
  CHECK(parts.size() >= 2, line.c_str());
  check.subject = parts[0];
  check.predicate = parts[1];
  if (parts.size() > 2) {
    for (const std::string& object : parts_of(parts[2], ';')) {
      if (!object.empty()) check.objects.push_back(object);
    }
  }
  return check;
}

std::string list_of(const std::set<std::string>& keys) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : "; ") + key;
  return text.empty() ? "nothing" : text;
}

}  // namespace

std::vector<Story> read_stories(const std::string& file) {
  std::ifstream in(std::string(MNEMA_SOURCE_DIR) + "/tests/memory/semantic/" + file);
  CHECK(in.good(), file.c_str());
  std::vector<Story> stories;
  Time now{};
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("== ")) {
      stories.push_back({line.substr(3), {}, {}});
    } else if (line.starts_with("on ")) {
      now = noon_of(line.substr(3));
    } else if (line.starts_with("user: ") || line.starts_with("assistant: ")) {
      const std::size_t colon = line.find(": ");
      stories.back().turns.push_back({now, line.substr(0, colon), line.substr(colon + 2)});
      now += std::chrono::minutes(1);
    } else {
      stories.back().checks.push_back(check_of(line));
    }
  }
  return stories;
}

std::vector<std::string> wrong_in(const Story& story) {
  Opened memory;
  const Scope user{"local", "assistant", "somebody", ""};
  Time last{};
  for (const Story::Turn& turn : story.turns) {
    Episode episode;
    episode.scope = user;
    episode.thread = "talk";
    episode.role = turn.role;
    episode.text = turn.text;
    episode.time = last = turn.at;
    episode.trust = Trust::kUser;
    CHECK(memory.remember(episode).ok(), "told");
  }
  const Status consolidated = memory.consolidated();
  CHECK(consolidated.ok(), consolidated.ok() ? "" : consolidated.error().text().c_str());
  CHECK(memory.embedded().ok(), "vectors are there");
  const Status integrity = memory.memory->check_integrity();
  CHECK(integrity.ok(), integrity.ok() ? "" : integrity.error().text().c_str());

  std::vector<std::string> wrong;
  const Scope asker{"local", "assistant", "somebody", "another talk"};
  for (const Story::Check& check : story.checks) {
    FactQuery query;
    query.scope = asker;
    query.subject = check.subject;
    query.predicate = check.predicate;
    query.valid = check.as_of.value_or(last + std::chrono::hours(24 * 90));
    const Facts found = memory.facts(query).value();
    std::set<std::string> is, wanted;
    for (const Fact& fact : found.facts) {
      if (fact.negated == (check.kind == Story::Check::Kind::kNot)) is.insert(fact_key(fact.object));
    }
    for (const std::string& object : check.objects) wanted.insert(fact_key(object));
    bool right = is == wanted;
    if (check.kind == Story::Check::Kind::kNot)
      right = std::includes(is.begin(), is.end(), wanted.begin(), wanted.end());
    if (check.kind == Story::Check::Kind::kConflict) {
      const auto conflicts = memory.memory->fact_conflicts_of("local", "somebody", 10).value();
      right = found.facts.empty() && std::any_of(conflicts.begin(), conflicts.end(), [&](const FactConflict& conflict) {
                return conflict.subject == check.subject && conflict.predicate == check.predicate;
              });
    }
    if (!right) wrong.push_back(check.line + "  (is: " + list_of(is) + ")");
  }
  return wrong;
}

}  // namespace mnema::testing
