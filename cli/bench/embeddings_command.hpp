// cli/bench/embeddings_command.hpp
//
// `mnema bench embeddings`: the benchmark of embeddings_bench.hpp as a command.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `mnema bench`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_embeddings_bench(CLI::App& bench, int& exit_code);

}  // namespace mnema
