// runtime/config/config_keys.hpp
//
// Every key that the configuration may have. The one table of them is the code that reads them
// (runtime/config/config.cpp and what it calls): it is run over an empty configuration with an observer, again and
// again with the sections, kinds and optional keys that it asked about, until it asks about nothing new. So the
// reference cannot differ from the program: names, types, ranges, choices and defaults are those that the reader uses.
// Only what a key means is written apart (runtime/config/config_meanings.hpp).
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "runtime/config/toml_reader.hpp"

namespace mnema {

struct ConfigKey {
  using Type = TomlKeyObserver::Type;
  std::string section;  // "server", "server.keys.NAME"
  std::string name;
  Type type = Type::kText;
  std::string range;               // "1 to 1024", or the choices
  std::string standard;            // the default, as TOML; "" = none
  std::vector<std::string> kinds;  // of its section: those that have it; empty = all of them
};

/// By section, in the order in which they are read.
[[nodiscard]] std::vector<ConfigKey> config_keys();

/// Reads `root` as `parse_config` does, for `observer` alone. Defined beside the reader.
void observe_config(const toml::table& root, TomlKeyObserver& observer);

}  // namespace mnema
