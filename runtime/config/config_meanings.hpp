// runtime/config/config_meanings.hpp
//
// What each key of the configuration means, in a sentence for whoever runs the program: the part of the reference that
// no code can tell (runtime/config/config_keys.hpp). A test compares it with the keys that are read, in both
// directions.
//
// Threads: pure functions.
#pragma once

#include <span>
#include <string_view>

namespace mnema {

struct ConfigMeaning {
  std::string_view section;  // "server", "agents.NAME"
  std::string_view key;      // "" = what the section is for
  std::string_view text;
  std::string_view since = "0.1";
};

[[nodiscard]] std::span<const ConfigMeaning> config_meanings();

/// "" if there is none.
[[nodiscard]] std::string_view meaning_of(std::string_view section, std::string_view key);

}  // namespace mnema
