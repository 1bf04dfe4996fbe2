// cli/models_command.hpp
//
// `mnema models list | pull | verify | info | quantize`: the model catalogue and what of it is on this machine.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_models_command(CLI::App& app, int& exit_code);

}  // namespace mnema
