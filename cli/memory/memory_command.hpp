// cli/memory/memory_command.hpp
//
// What the sub-commands of `mnema memory` that go through the admin routes share.
//
// Threads: confined to one.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/data_folder.hpp"
#include "cli/memory/memory_routes.hpp"
#include "cli/memory_file.hpp"

namespace mnema {

/// Runs `act` with the routes of who has the flags' data folder, which must be there. Errors are printed; returns the
/// exit code.
[[nodiscard]] int with_memory_routes(const MemoryFlags& flags, bool for_vectors,
                                     const std::function<int(MemoryRoutes&)>& act);

/// What who has the folder is asked to change.
struct RoutedChange {
  std::string target;  // "/admin/v1/memory/procedures/3/restore"
  std::string body;    // JSON; empty: none
  std::string what;    // "procedure 3", for errors that leave it open whether it was changed
};
/// Errors are printed; returns the exit code. `done`: printed if it worked.
[[nodiscard]] int change_by_routes(const MemoryFlags& flags, const RoutedChange& change, const std::string& done);

/// "?tenant=local&user=anna", of what is not empty.
[[nodiscard]] std::string query_of(const std::vector<std::pair<std::string, std::string>>& parameters);

/// "3 episodes, 1 facts", or "nothing".
[[nodiscard]] std::string counts_text(const boost::json::object& counts);

/// As a terminal may show it: whatever was said stands on one line.
[[nodiscard]] std::string one_line(std::string text);

void add_memory_erase(CLI::App& memory, int& exit_code);
void add_memory_search(CLI::App& memory, int& exit_code);  // and explain
void add_memory_add(CLI::App& memory, int& exit_code);
void add_memory_upkeep(CLI::App& memory, int& exit_code);    // verify, rebuild
void add_memory_transfer(CLI::App& memory, int& exit_code);  // export, import
void add_memory_procedures(CLI::App& memory, int& exit_code);
void add_memory_blocks(CLI::App& memory, int& exit_code);
void add_memory_sources(CLI::App& memory, int& exit_code);

}  // namespace mnema
