// cli/memory_command.hpp
//
// `mnema memory ...`: what memory knows, is asked, told, made to forget, and how it is moved and looked after; beside a
// running server and without one.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_memory_command(CLI::App& app, int& exit_code);

}  // namespace mnema
