// cli/events_command.hpp
//
// `mnema events tail | publish | replay`, `mnema sources`, `mnema connectors status`: what a running server does with
// events, by its admin routes (agents/rest/admin_events.hpp), which DATA/admin.json names. A replay also works on a
// folder that no server has (agents/host/replay_at_rest.hpp).
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the three commands to `app`. When one has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_events_commands(CLI::App& app, int& exit_code);

}  // namespace mnema
