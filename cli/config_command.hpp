// cli/config_command.hpp
//
// `mnema config check | reference | example`: whether a configuration is right, and what may stand in one.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_config_command(CLI::App& app, int& exit_code);

}  // namespace mnema
