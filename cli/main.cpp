#include <CLI/CLI.hpp>

#include "cli/bench_command.hpp"
#include "cli/config_command.hpp"
#include "cli/demo_command.hpp"
#include "cli/dlq_command.hpp"
#include "cli/docs_command.hpp"
#include "cli/events_command.hpp"
#include "cli/exit_code.hpp"
#include "cli/memory_command.hpp"
#include "cli/models_command.hpp"
#include "cli/serve_command.hpp"

// The program `mnema`: one sub-command per file.

int main(int argc, char** argv) {
  CLI::App app{"Mnema: events wake agents that think, remember and act", "mnema"};
  app.set_version_flag("--version", "mnema " MNEMA_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 wrong configuration, 4 model missing or broken, 5 address "
      "in use, 6 data folder in use, newer or damaged, 128+N ended at once by a second signal N.");
  int exit_code = 0;
  mnema::add_models_command(app, exit_code);
  mnema::add_bench_command(app, exit_code);
  mnema::add_serve_command(app, exit_code);
  mnema::add_demo_command(app, exit_code);
  mnema::add_dlq_command(app, exit_code);
  mnema::add_events_commands(app, exit_code);
  mnema::add_memory_command(app, exit_code);
  mnema::add_config_command(app, exit_code);
  mnema::add_docs_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : mnema::kExitUsage;
  }
  return exit_code;
}
