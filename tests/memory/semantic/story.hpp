// tests/memory/semantic/story.hpp
//
// Reads the scripted conversations (stories.txt says how they are written), tells them to memory and looks what it knows.
#pragma once

#include <string>
#include <vector>

#include "tests/memory/fixture.hpp"

namespace mnema::testing {

struct Story {
  struct Turn {
    Time at{};
    std::string role;
    std::string text;
  };
  struct Check {
    enum class Kind { kExactly, kNot, kConflict };
    Kind kind = Kind::kExactly;
    std::optional<Time> as_of;
    std::string subject;
    std::string predicate;
    std::vector<std::string> objects;
    std::string line;  // as it is written
  };
  std::string name;
  std::vector<Turn> turns;
  std::vector<Check> checks;
};

/// Of the file in tests/memory/semantic.
[[nodiscard]] std::vector<Story> read_stories(const std::string& file);

/// What is not as the story says, a line each; empty: it is right.
[[nodiscard]] std::vector<std::string> wrong_in(const Story& story);

}  // namespace mnema::testing
