// cli/dlq_command.hpp
//
// `mnema dlq list | show | redrive | drop`: the dead letters of a data folder, for the person who decides about them.
// Reading works beside a running `mnema serve`; `redrive` and `drop` change what the server holds in memory, so they
// need the folder to themselves and say so if it is in use.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_dlq_command(CLI::App& app, int& exit_code);

}  // namespace mnema
