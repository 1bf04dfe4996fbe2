// cli/bench/events_command.hpp
//
// `mnema bench events`: flags in, one JSON object or a table out (events_bench.hpp measures).
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `bench`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_events_bench(CLI::App& bench, int& exit_code);

}  // namespace mnema
