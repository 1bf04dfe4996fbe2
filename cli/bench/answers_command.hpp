// cli/bench/answers_command.hpp
//
// `mnema bench answers`: flags in, one JSON object or a table out (answers_bench.hpp asks and judges).
#pragma once

namespace CLI {
class App;
}

namespace mnema {

/// Adds the sub-command to `bench`. When it has run, `exit_code` holds how it ended (cli/exit_code.hpp).
void add_answers_bench(CLI::App& bench, int& exit_code);

}  // namespace mnema
