// cli/bench/vectors_command.hpp
//
// `mnema bench vectors`: the benchmark of vectors_bench.hpp as a command.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `mnema bench`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_vectors_bench(CLI::App& bench, int& exit_code);

}  // namespace mnema
