// cli/serve_command.hpp
//
// `mnema serve --config FILE`: agents, their sources and API. `mnema serve --model NAME|FILE`: a bare model.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_serve_command(CLI::App& app, int& exit_code);

}  // namespace mnema
