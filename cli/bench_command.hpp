// cli/bench_command.hpp
//
// `mnema bench engine|events|answers|memory`: how fast a model, or durable events, run on this machine, how far that is
// from the hardware's limits, how good the quickstart's assistant answers, and how much of what a question needs memory
// brings back.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `app`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_bench_command(CLI::App& app, int& exit_code);

}  // namespace mnema
