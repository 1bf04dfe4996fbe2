// cli/demo_command.hpp
//
// `mnema demo`: the whole scenario once, without interaction, on real documents, payloads and models. It starts the
// runtime as a child process, kills it with -9 during a tool call and during a decode, starts it again, and counts what
// the outside services saw. Exit code 0 only if everything held.
//
//   demo/runtime_process.hpp   the child: start, kill, what it reports     demo/serve.hpp   what the child runs
//   demo/outside_services.hpp     payments and the inbox for replies          demo/scenario.hpp   the scenario and its
//   checks
//
// Threads: one call at a time.
#pragma once

namespace CLI {
class App;
}

namespace mnema {

void add_demo_command(CLI::App& app, int& exit_code);

}  // namespace mnema
