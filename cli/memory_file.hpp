// cli/memory_file.hpp
//
// What the sub-commands of `mnema memory` share: their flags, and reading the data file beside a running server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/store/database.hpp"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace mnema {

struct MemoryFlags {
  std::string config;
  std::string data;
  std::string tenant = "local";
  std::optional<std::string> user;
  bool json = false;
};

/// For options that narrow what is meant: a name that is given is not empty. `--user "$U"` with U unset would mean
/// everybody.
[[nodiscard]] CLI::Validator a_name();
/// Adds the flags that name the data folder, the tenant and the user.
void add_memory_flags(CLI::App& command, MemoryFlags& flags);

/// Runs `query` on the data file of the flags' folder, which must be there, and `show` on what it found. Errors are
/// printed; returns the exit code.
[[nodiscard]] int read_memory_file(const MemoryFlags& flags, const std::function<Status(Transaction&)>& query,
                                   const std::function<void()>& show);

/// "2025-03-01" (its first moment, UTC) or RFC 3339.
[[nodiscard]] Result<Time> parse_point(const std::string& text);

void add_memory_facts(CLI::App& memory, int& exit_code);
void add_memory_conflicts(CLI::App& memory, int& exit_code);

}  // namespace mnema
