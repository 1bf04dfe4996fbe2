// cli/config/reference.hpp
//
// The configuration as documents: every key with its type, range, default and meaning (docs/CONFIGURATION.md), and a
// file with all of them, as comments, to begin from. Both are made of the keys that the program reads
// (runtime/config/config_keys.hpp) and what they mean (runtime/config/config_meanings.hpp).
//
// Threads: pure functions.
#pragma once

#include <string>

namespace mnema {

/// Markdown.
[[nodiscard]] std::string config_reference();
/// TOML that says nothing but defaults; keys without one, and named sections, are comments.
[[nodiscard]] std::string config_example();

}  // namespace mnema
