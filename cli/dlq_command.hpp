// cli/dlq_command.hpp
//
// `mnema dlq list | show | redrive | drop`: the dead letters of a data folder, for the person who decides about them.
// Reading goes to the file, beside whoever has it open. `redrive` and `drop` change what a running server holds in
// memory, so the server makes those changes; without one, this process does (cli/dlq/letter_changes.hpp).
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_dlq_command(CLI::App& app, int& exit_code);

}  // namespace mnema
