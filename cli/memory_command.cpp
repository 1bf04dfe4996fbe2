#include "cli/memory_command.hpp"

#include <CLI/CLI.hpp>

#include "cli/memory/memory_command.hpp"
#include "cli/memory_file.hpp"

namespace mnema {

void add_memory_command(CLI::App& app, int& exit_code) {
  CLI::App* memory = app.add_subcommand("memory", "What memory knows");
  memory->require_subcommand(1);
  memory->footer(
      "Works while 'mnema serve' runs on the data folder, and while nothing does. The same over HTTP, for a key with "
      "roles: /admin/v1/memory.");
  add_memory_facts(*memory, exit_code);
  add_memory_conflicts(*memory, exit_code);
  add_memory_search(*memory, exit_code);
  add_memory_add(*memory, exit_code);
  add_memory_erase(*memory, exit_code);
  add_memory_transfer(*memory, exit_code);
  add_memory_upkeep(*memory, exit_code);
  add_memory_procedures(*memory, exit_code);
  add_memory_blocks(*memory, exit_code);
  add_memory_sources(*memory, exit_code);
}

}  // namespace mnema
